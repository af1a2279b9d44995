/* rules.h: what a configuration says about documents (control/document/document.h). */
#pragma once

#include "control/document/document.h"
#include "dcmf/config/config.h"

/*
 * Fills *rules; the configuration outlives them. Where the embedded DCSF listens is known at run
 * time only: embedded_root and embedded_addr are the caller's.
 */
void rules_of(const struct config *c, struct document_rules *rules);
