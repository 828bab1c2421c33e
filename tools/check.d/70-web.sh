# web - types and unit tests of the page.
tools/node_tests.sh web
