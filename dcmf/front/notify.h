/* notify.h: tells systemd how the service fares (sd_notify(3)), without its library. */
#pragma once

/* "READY=1\nSTATUS=...". Nothing happens when nobody asked to be told. */
__attribute__((format(printf, 1, 2))) void notify(const char *fmt, ...);
