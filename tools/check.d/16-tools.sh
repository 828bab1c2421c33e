# tools - the checkers above can fail.
tools/pytest.sh tests/tools
