#pragma once

/**
 * `tsstack-launcher pack-merged STAGE PATH LOWER…`; the arguments after that word. Returns the exit code.
 * 3: the image has no directory of that path.
 */
int pack_merged_main(char **arguments, int count);
