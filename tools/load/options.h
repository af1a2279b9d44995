/* options.h: what dcmf-load was told on its command line. */
#pragma once

#include <stdbool.h>

#include "dcmf/base/addr.h"

struct options {
	const char *socket, *hold, *ice, *setup, *style, *app, *url, *direct, *bind, *metrics,
		*json, *html;
	long ues, waves, lines, fetches, message_size, mtu;
	double rate, duration, timeout;
	bool no_refetch, quiet, help, version;

	/* what the texts mean */
	unsigned ice_percent;
	bool hold_all, webrtc;
	double hold_s;
	struct addr bind_first;
	uint32_t bind_count;
};

/* False: what is wrong, and how to get help, was printed. */
bool options_parse(struct options *o, int argc, char **argv);
void options_print_help(void);
