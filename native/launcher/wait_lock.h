#pragma once

/** `tsstack-launcher wait-lock`: waits for the flock(2) of descriptor 3. It is its opener's too, whose file it is.
 * Returns the exit code. */
int wait_lock(void);
