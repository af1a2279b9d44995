/* udp_kernel.h: the kernel of a machine that cannot send trains, or not to this peer. */
#pragma once

/* All zero: the real one. */
extern struct udp_kernel {
	int refuse_trains; /* with this error; 0: as it is */
	unsigned refused;
	unsigned calls;
} kernel;
