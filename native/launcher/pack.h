#pragma once

/** `tsstack-launcher pack [--uid-base N] DIRECTORY`; the arguments after `pack`. Returns the exit code. */
int pack_main(char **arguments, int count);

/** The working directory on standard output. Returns the exit code. */
int pack_working_directory(void);

/** Tells what failed as a frame on standard error. Returns the exit code. */
int pack_failed(void);
