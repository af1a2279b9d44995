/*
 * test_sandbox.c: what a worker can still do once it is in its sandbox, and what it cannot.
 *
 * Built without sanitizers, which need what the sandbox takes away; each test is a process of its
 * own. What is asked of the kernel is harmless where the sandbox fails.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dcmf/worker/worker_parts.h"

static void enter(void)
{
	char failed[256] = "";

	ck_assert_msg(worker_sandbox(failed), "%s", failed);
}

static void denied(long result, const char *what)
{
	ck_assert_msg(result == -1 && errno == EPERM, "%s: %ld, %s", what, result, strerror(errno));
}

static void allowed(long result, const char *what)
{
	ck_assert_msg(result != -1, "%s: %s", what, strerror(errno));
}

START_TEST(a_worker_opens_no_files)
{
	enter();
	denied(open("/etc/passwd", O_RDONLY), "open");
	denied(open("/tmp", O_TMPFILE | O_WRONLY, 0600), "open a new one");
	denied(syscall(SYS_memfd_create, "x", 0), "memfd_create");
	denied(unlink("/nowhere/at/all"), "unlink");
}
END_TEST

START_TEST(a_worker_starts_and_disturbs_no_processes)
{
	pid_t parent = getppid();
	struct rlimit limit;

	enter();
	denied(fork(), "fork");
	denied(execl("/bin/true", "true", NULL), "exec");
	denied(kill(parent, 0), "kill");
	denied(syscall(SYS_tgkill, parent, parent, 0), "tgkill of another");
	denied(syscall(SYS_prlimit64, parent, RLIMIT_NOFILE, NULL, &limit), "limits of another");
	allowed(syscall(SYS_tgkill, getpid(), getpid(), 0), "tgkill of itself");
	allowed(getrlimit(RLIMIT_NOFILE, &limit), "its own limits");
}
END_TEST

START_TEST(a_worker_opens_sockets_of_ip_and_no_others)
{
	static const int families[] = { AF_UNIX, AF_NETLINK, AF_PACKET, AF_APPLETALK, AF_VSOCK,
		AF_ALG };
	struct sockaddr_in any = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int pair[2], fd;

	enter();
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		denied(socket(families[i], SOCK_DGRAM, 0), "another family");
	denied(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), "a pair of datagrams");
	allowed(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "a pair of streams");
	allowed(fd = socket(AF_INET, SOCK_DGRAM, 0), "UDP");
	allowed(bind(fd, (struct sockaddr *)&any, sizeof(any)), "a media port");
	allowed(fd = socket(AF_INET, SOCK_STREAM, 0), "TCP");
	denied(listen(fd, 1), "listen");
}
END_TEST

START_TEST(a_worker_runs_no_code_but_its_own)
{
	void *page;

	enter();
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(page, MAP_FAILED);
	denied(mprotect(page, 4096, PROT_READ | PROT_EXEC), "mprotect");
	page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	denied(page == MAP_FAILED ? -1 : 0, "mmap");
}
END_TEST

START_TEST(a_worker_leaves_no_core_and_types_nothing)
{
	enter();
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 0);
	denied(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "PR_SET_DUMPABLE");
	denied(ioctl(0, TIOCSTI, "x"), "TIOCSTI");
	ck_assert_int_ne(geteuid(), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sandbox");
	TCase *t = tcase_create("sandbox");

	tcase_add_test(t, a_worker_opens_no_files);
	tcase_add_test(t, a_worker_starts_and_disturbs_no_processes);
	tcase_add_test(t, a_worker_opens_sockets_of_ip_and_no_others);
	tcase_add_test(t, a_worker_runs_no_code_but_its_own);
	tcase_add_test(t, a_worker_leaves_no_core_and_types_nothing);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_set_fork_status(runner, CK_FORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
