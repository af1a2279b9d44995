/* ports.h: which port numbers of a range are free; a freed one rests before it is taken again. */
#pragma once

#include <stdint.h>

#include "dcmf/base/tick.h"

struct ports;

/*
 * first..last inclusive. A freed port rests `rest_us`, so that packets of the
 * old call do not reach the new one.
 */
struct ports *ports_create(uint16_t first, uint16_t last, int64_t rest_us);
void ports_destroy(struct ports *p);

/* 0: none is free now. The one that rested longest comes first. */
uint16_t ports_take(struct ports *p, tick_t now);
void ports_give(struct ports *p, uint16_t port, tick_t now);
unsigned ports_free(const struct ports *p); /* resting ones included */
