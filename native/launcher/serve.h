#pragma once

/** The long-lived launcher: PROTOCOL.md on descriptor 3, until that closes. The exit code. */
int serve(const char *stage);
