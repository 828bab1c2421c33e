# recipes - what CONTRIBUTING.md tells to do works as it says.
tools/build.sh dev all && tools/pytest.sh tests/recipes
