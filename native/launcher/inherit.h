#pragma once

/**
 * `tsstack-launcher inherit TARGET LAYER…`: directories that layers have only by what is in them get the attributes
 * that lower layers say. Returns the exit code.
 */
int inherit_main(char **arguments, int count);
