/*
 * worker_sandbox.c: what a worker gives up once it runs: another user's rights, files,
 * programs, new listeners, new processes.
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
#include <sys/prctl.h>
#include <unistd.h>

#include "dcmf/worker_parts.h"

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
	SCMP_SYS(setxattr),
	SCMP_SYS(name_to_handle_at),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(memfd_create),
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
	SCMP_SYS(tkill),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	/* listeners */
	SCMP_SYS(listen),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	/* the machine */
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(io_uring_setup),
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
	SCMP_SYS(capset),
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

static bool filter(char failed[256])
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = ctx ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < sizeof(denied) / sizeof(denied[0]); i++) {
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
		if (rc == -EDOM || rc == -EINVAL)
			rc = 0; /* this architecture has no such call */
	}
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
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		snprintf(failed, 256, "PR_SET_NO_NEW_PRIVS: %s", strerror(errno));
		return false;
	}
	return filter(failed);
#endif
}
