/* SPDX-License-Identifier: GPL-2.0 */
/* The cards that are modelled, for the lab and for the simulator. */
#ifndef CARDMODEL_CARDS_H
#define CARDMODEL_CARDS_H

#include "cardmodel.h"

#define CM_AMD 0x1002
#define CM_POLARIS 0x67df
#define CM_POLARIS_AUDIO 0xaaf0
#define CM_NVIDIA 0x10de
#define CM_PASCAL 0x1b80
#define CM_PASCAL_AUDIO 0x10f0

static const struct cm_kind cm_polaris = {
	.name = "RX 470",
	.id = { { CM_AMD, CM_POLARIS, 0x1da2, 0xe353, 0x030000, 0xcf }, { CM_AMD, CM_POLARIS_AUDIO, 0x1da2, 0xaaf0, 0x040300, 0x00 } },
	.reset_bug = true,
	.back_door = true,
};

static const struct cm_kind cm_pascal = {
	.name = "GTX 1080",
	.id = { { CM_NVIDIA, CM_PASCAL, 0x1043, 0x85aa, 0x030000, 0xa1 }, { CM_NVIDIA, CM_PASCAL_AUDIO, 0x1043, 0x85aa, 0x040300, 0xa1 } },
};

#endif
