/**
 * What a container's processes may ask of the kernel, in the manner of the OCI runtimes' default profile: all that ordinary programs use,
 * nothing that acts on the host as a whole, makes namespaces or mounts, or has a history of holes without need (io_uring, userfaultfd, keyrings).
 * Names that an architecture doesn't have are skipped.
 */
export const ALWAYS_ALLOWED: readonly string[] = words(`
  read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close close_range dup dup2 dup3 pipe pipe2
  open openat openat2 creat access faccessat faccessat2 stat fstat lstat newfstatat statx statfs fstatfs ustat
  getdents getdents64 getcwd chdir fchdir mkdir mkdirat rmdir rename renameat renameat2 link linkat unlink unlinkat
  symlink symlinkat readlink readlinkat mknod mknodat chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat umask
  utime utimes utimensat futimesat truncate ftruncate fallocate fsync fdatasync sync syncfs sync_file_range readahead fadvise64
  setxattr lsetxattr fsetxattr setxattrat getxattr lgetxattr fgetxattr getxattrat listxattr llistxattr flistxattr listxattrat
  removexattr lremovexattr fremovexattr removexattrat file_getattr file_setattr name_to_handle_at
  copy_file_range sendfile splice tee vmsplice flock fcntl ioctl cachestat
  inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark
  poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2
  eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime timerfd_gettime
  io_setup io_destroy io_getevents io_pgetevents io_submit io_cancel ioprio_get ioprio_set

  mmap munmap mprotect mremap msync mincore madvise brk mlock mlock2 munlock mlockall munlockall remap_file_pages
  memfd_create memfd_secret membarrier mseal pkey_alloc pkey_free pkey_mprotect map_shadow_stack process_mrelease

  fork vfork execve execveat exit exit_group wait4 waitid getpid getppid gettid getpgid setpgid getpgrp getsid setsid
  kill tkill tgkill pidfd_open pidfd_send_signal prctl arch_prctl set_tid_address set_thread_area get_thread_area modify_ldt
  set_robust_list get_robust_list rseq futex futex_waitv futex_wake futex_wait futex_requeue restart_syscall
  rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_tgsigqueueinfo rt_sigsuspend
  sigaltstack pause alarm getitimer setitimer nanosleep clock_nanosleep
  sched_yield sched_setparam sched_getparam sched_setscheduler sched_getscheduler sched_setattr sched_getattr
  sched_setaffinity sched_getaffinity sched_get_priority_max sched_get_priority_min sched_rr_get_interval getcpu
  getpriority setpriority getrlimit setrlimit prlimit64 getrusage times
  ptrace process_vm_readv process_vm_writev uretprobe uprobe

  getuid geteuid getgid getegid setuid setgid setreuid setregid setresuid getresuid setresgid getresgid setfsuid setfsgid
  getgroups setgroups capget capset seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self
  lsm_get_self_attr lsm_set_self_attr lsm_list_modules

  socketpair connect accept accept4 bind listen shutdown getsockname getpeername setsockopt getsockopt
  sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg

  semget semop semtimedop semctl shmget shmat shmctl shmdt msgget msgsnd msgrcv msgctl
  mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr

  uname sysinfo getrandom time gettimeofday clock_gettime clock_getres clock_adjtime adjtimex
  timer_create timer_settime timer_gettime timer_getoverrun timer_delete
`);

/** What a capability that was added opens besides (capabilities(7)); without it the kernel would refuse most of these anyway. By number. */
export const ALLOWED_WITH: Readonly<Record<number, readonly string[]>> = {
  /* CAP_DAC_READ_SEARCH */ 2: words('open_by_handle_at'),
  /* CAP_SYS_MODULE */ 16: words('init_module finit_module delete_module'),
  /* CAP_SYS_RAWIO */ 17: words('iopl ioperm'),
  /* CAP_SYS_CHROOT */ 18: words('chroot'),
  /* CAP_SYS_PTRACE */ 19: words('kcmp pidfd_getfd process_madvise'),
  /* CAP_SYS_PACCT */ 20: words('acct'),
  /* CAP_SYS_ADMIN */ 21: words(`
    bpf clone3 fanotify_init fsconfig fsmount fsopen fspick listmount lookup_dcookie mount mount_setattr move_mount
    open_tree open_tree_attr perf_event_open pivot_root quotactl quotactl_fd setdomainname sethostname setns statmount syslog umount2 unshare`),
  /* CAP_SYS_BOOT */ 22: words('reboot'),
  /* CAP_SYS_NICE */ 23: words('get_mempolicy set_mempolicy set_mempolicy_home_node mbind migrate_pages move_pages'),
  /* CAP_SYS_TIME */ 25: words('settimeofday clock_settime'),
  /* CAP_SYS_TTY_CONFIG */ 26: words('vhangup'),
  /* CAP_SYSLOG */ 34: words('syslog'),
  /* CAP_PERFMON */ 38: words('perf_event_open'),
  /* CAP_BPF */ 39: words('bpf'),
};

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
