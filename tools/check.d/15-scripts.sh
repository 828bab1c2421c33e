# scripts - shell scripts parse, Python compiles.
status=0
while read -r -d '' script; do
    case $(head -c 64 "$script" | head -1) in
    *bash* | *'/sh') bash -n "$script" || status=1 ;;
    esac
done < <(find run check .ci tools packaging tests -name node_modules -prune -o -type f -print0)
for script in tools/check.d/*.sh tools/full.d/*.sh; do
    bash -n "$script" || status=1
done
while read -r -d '' script; do
    /usr/bin/python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$script" || status=1
done < <(find tools tests -name node_modules -prune -o -name '*.py' -print0)
exit $status
