/* main.h: the main() of a unit test program: runs its suite and says how it went. */
#pragma once

#include <check.h>

#define UNIT_MAIN(make_suite)                                   \
	int main(void)                                          \
	{                                                       \
		SRunner *runner = srunner_create(make_suite()); \
		int failed;                                     \
                                                                \
		srunner_set_fork_status(runner, CK_NOFORK);     \
		srunner_run_all(runner, CK_NORMAL);             \
		failed = srunner_ntests_failed(runner);         \
		srunner_free(runner);                           \
		return failed != 0;                             \
	}
