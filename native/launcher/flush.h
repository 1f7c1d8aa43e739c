#pragma once

/** `tsstack-launcher flush DIRECTORY`: what was written to its file system is on the disk after that. Returns the exit
 * code. */
int flush_main(const char *directory);
