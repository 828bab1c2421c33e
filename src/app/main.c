/* main.c - the program's entry. */
#include <stdio.h>

int main(void)
{
    fprintf(stderr, "auspex %s: this build has no commands yet\n", AUSPEX_VERSION);
    return 2;
}
