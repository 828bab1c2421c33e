# sanitizers.sh - sourced: how the sanitizers of every step behave.
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export LSAN_OPTIONS=suppressions=$PWD/tools/lsan.supp:print_suppressions=0
export TSAN_OPTIONS=halt_on_error=1:exitcode=99:second_deadlock_stack=1:die_after_fork=0:suppressions=$PWD/tools/tsan.supp
