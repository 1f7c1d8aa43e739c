#pragma once

/**
 * `tsstack-launcher flush DIRECTORY MARK…`: what was written to its file system is on the disk after that, and the
 * marks, files in the directory, are removed. Returns the exit code.
 */
int flush_main(const char *directory, char **marks, int count);
