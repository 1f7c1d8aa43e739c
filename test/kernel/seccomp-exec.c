/* seccomp-exec FILTER PROGRAM [ARG...]: loads the filter in FILTER and executes PROGRAM. The test's own: the launcher
 * has its code. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
  static struct sock_filter filter[BPF_MAXINSNS];
  int fd = argc > 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
  ssize_t length = fd < 0 ? -1 : read(fd, filter, sizeof filter);
  if (length <= 0 || length % sizeof filter[0] != 0) return fprintf(stderr, "no filter\n"), 2;
  struct sock_fprog program = {.len = length / sizeof filter[0], .filter = filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return perror("PR_SET_NO_NEW_PRIVS"), 2;
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) return perror("seccomp"), 2;
  execvp(argv[2], argv + 2);
  return perror(argv[2]), 2;
}
