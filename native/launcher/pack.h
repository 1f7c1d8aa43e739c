#pragma once

/** `tsstack-launcher pack [--uid-base N] DIRECTORY`; the arguments after `pack`. Returns the exit code. */
int pack_main(char **arguments, int count);
