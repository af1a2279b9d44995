/*
 * worker_sandbox.c: what a worker gives up once it runs: another user's rights, files,
 * programs, new listeners, new processes, core dumps, sockets that are not of IP.
 *
 * A denied call returns EPERM, so that a library that asks for something it can do
 * without goes on. Programs built with a sanitizer keep their rights: the sanitizer
 * itself opens files and starts a process to report.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dcmf/worker/worker_parts.h"

static const int denied[] = {
	/* files */
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(openat2),
	SCMP_SYS(creat),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(link),
	SCMP_SYS(linkat),
	SCMP_SYS(symlink),
	SCMP_SYS(symlinkat),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(rmdir),
	SCMP_SYS(chmod),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchmodat),
	SCMP_SYS(utime),
	SCMP_SYS(utimes),
	SCMP_SYS(utimensat),
	SCMP_SYS(futimesat),
	SCMP_SYS(chown),
	SCMP_SYS(fchown),
	SCMP_SYS(lchown),
	SCMP_SYS(fchownat),
	SCMP_SYS(mknod),
	SCMP_SYS(mknodat),
	SCMP_SYS(truncate),
	SCMP_SYS(chdir),
	SCMP_SYS(fchdir),
	SCMP_SYS(chroot),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(open_tree),
	SCMP_SYS(move_mount),
	SCMP_SYS(fsopen),
	SCMP_SYS(fspick),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(setxattr),
	SCMP_SYS(lsetxattr),
	SCMP_SYS(fsetxattr),
	SCMP_SYS(removexattr),
	SCMP_SYS(lremovexattr),
	SCMP_SYS(fremovexattr),
	SCMP_SYS(name_to_handle_at),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(memfd_create),
	SCMP_SYS(memfd_secret),
	SCMP_SYS(uselib),
	SCMP_SYS(inotify_init),
	SCMP_SYS(inotify_init1),
	SCMP_SYS(fanotify_init),
	/* programs and processes */
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(clone),
	SCMP_SYS(clone3),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(pidfd_open),
	SCMP_SYS(pidfd_send_signal),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(kill),
	SCMP_SYS(tkill),
	SCMP_SYS(rt_sigqueueinfo),
	SCMP_SYS(rt_tgsigqueueinfo),
	SCMP_SYS(process_madvise),
	SCMP_SYS(process_mrelease),
	SCMP_SYS(kcmp),
	SCMP_SYS(setpriority),
	SCMP_SYS(sched_setaffinity),
	SCMP_SYS(sched_setscheduler),
	SCMP_SYS(sched_setattr),
	SCMP_SYS(migrate_pages),
	SCMP_SYS(move_pages),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	/* memory and queues that others find by name */
	SCMP_SYS(shmget),
	SCMP_SYS(shmat),
	SCMP_SYS(semget),
	SCMP_SYS(msgget),
	SCMP_SYS(mq_open),
	SCMP_SYS(mq_unlink),
	/* listeners */
	SCMP_SYS(listen),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	/* the machine */
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(modify_ldt),
	SCMP_SYS(personality),
	SCMP_SYS(adjtimex),
	SCMP_SYS(clock_adjtime),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(setdomainname),
	SCMP_SYS(vhangup),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),
	SCMP_SYS(sethostname),
	SCMP_SYS(quotactl),
	SCMP_SYS(acct),
	SCMP_SYS(syslog),
	SCMP_SYS(setuid),
	SCMP_SYS(setgid),
	SCMP_SYS(setreuid),
	SCMP_SYS(setregid),
	SCMP_SYS(setresuid),
	SCMP_SYS(setresgid),
	SCMP_SYS(setgroups),
	SCMP_SYS(setfsuid),
	SCMP_SYS(setfsgid),
	SCMP_SYS(capset),
};

#define ARG_LOW 0xffffffffu /* what the kernel looks at where an argument is an int */

/* Calls that are denied with such an argument only. */
static const struct {
	int call;
	struct scmp_arg_cmp argument;
} denied_with[] = {
	/* sockets to anything but IP: Unix sockets of other programs, the kernel's own */
	{ SCMP_SYS(socket), { 0, SCMP_CMP_LT, AF_INET, 0 } },
	{ SCMP_SYS(socket), { 0, SCMP_CMP_EQ, AF_AX25, 0 } },
	{ SCMP_SYS(socket), { 0, SCMP_CMP_EQ, AF_IPX, 0 } },
	{ SCMP_SYS(socket), { 0, SCMP_CMP_EQ, AF_APPLETALK, 0 } },
	{ SCMP_SYS(socket), { 0, SCMP_CMP_EQ, AF_NETROM, 0 } },
	{ SCMP_SYS(socket), { 0, SCMP_CMP_EQ, AF_BRIDGE, 0 } },
	{ SCMP_SYS(socket), { 0, SCMP_CMP_EQ, AF_ATMPVC, 0 } },
	{ SCMP_SYS(socket), { 0, SCMP_CMP_EQ, AF_X25, 0 } },
	{ SCMP_SYS(socket), { 0, SCMP_CMP_GT, AF_INET6, 0 } },
	/* one end of such a pair can be connected to somebody else's Unix socket */
	{ SCMP_SYS(socketpair), { 1, SCMP_CMP_MASKED_EQ, 0xf, SOCK_DGRAM } },
	/* words put into the mouth of whoever types at our terminal */
	{ SCMP_SYS(ioctl), { 1, SCMP_CMP_MASKED_EQ, ARG_LOW, TIOCSTI } },
	{ SCMP_SYS(ioctl), { 1, SCMP_CMP_MASKED_EQ, ARG_LOW, TIOCLINUX } },
	{ SCMP_SYS(ioctl), { 1, SCMP_CMP_MASKED_EQ, ARG_LOW, TIOCSCTTY } },
	/* code that did not come with the program */
	{ SCMP_SYS(mmap), { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC } },
	{ SCMP_SYS(mprotect), { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC } },
	{ SCMP_SYS(pkey_mprotect), { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC } },
	/* others' limits, and a core dump after all */
	{ SCMP_SYS(prlimit64), { 0, SCMP_CMP_NE, 0, 0 } },
	{ SCMP_SYS(prctl), { 0, SCMP_CMP_MASKED_EQ, ARG_LOW, PR_SET_DUMPABLE } },
};

/* root has no business with strangers' packets: the package's own user, or nobody. */
static bool leave_root(char failed[256])
{
	const struct passwd *who;

	if (geteuid() != 0)
		return true;
	if ((who = getpwnam("dcmf")) == NULL && (who = getpwnam("nobody")) == NULL) {
		snprintf(failed, 256,
			"started as root, and there is neither a user dcmf nor nobody to become");
		return false;
	}
	if (setgroups(0, NULL) != 0 || setresgid(who->pw_gid, who->pw_gid, who->pw_gid) != 0 ||
		setresuid(who->pw_uid, who->pw_uid, who->pw_uid) != 0) {
		snprintf(failed, 256, "cannot become user %s: %s", who->pw_name, strerror(errno));
		return false;
	}
	return true;
}

/* This architecture has no such call. */
static int skip_absent(int rc)
{
	return rc == -EDOM || rc == -EINVAL ? 0 : rc;
}

static bool filter(char failed[256])
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = ctx ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < sizeof(denied) / sizeof(denied[0]); i++)
		rc = skip_absent(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), denied[i], 0));
	for (size_t i = 0; rc == 0 && i < sizeof(denied_with) / sizeof(denied_with[0]); i++)
		rc = skip_absent(seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EPERM),
			denied_with[i].call, 1, &denied_with[i].argument));
	if (rc == 0) /* abort() signals itself */
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(tgkill), 1,
			SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid()));
	if (rc == 0)
		rc = seccomp_load(ctx);
	if (ctx != NULL)
		seccomp_release(ctx);
	if (rc != 0)
		snprintf(failed, 256, "the system call filter cannot be set: %s", strerror(-rc));
	return rc == 0;
}

bool worker_sandbox(char failed[256])
{
#if defined(__SANITIZE_ADDRESS__)
	(void)filter;
	(void)leave_root;
	return true;
#else
	if (!leave_root(failed))
		return false;
	/* no core file with keys in it, and no neighbour of the same user that reads our memory */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
		snprintf(failed, 256, "prctl: %s", strerror(errno));
		return false;
	}
	return filter(failed);
#endif
}
