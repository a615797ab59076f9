/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the helper refuses by itself, whatever the daemon asks for. Each refusal names its rule. */

#include "base/macros.h"
#include "helper/helper.h"

typedef enum HelperRule {
        RULE_VERSION,        /* the request comes from the same build */
        RULE_VERB,           /* it asks for something that there is */
        RULE_ADDRESS,        /* of a function that PCI can have */
        RULE_SLOT,           /* of the one slot that the helper was started for */
        RULE_DISPLAY,        /* which is a graphics card's */
        RULE_TEXT,           /* its texts have an end */
        RULE_REGISTERS,      /* its registers are few, aligned and inside configuration space */
        RULE_ATTRIBUTE,      /* only attributes of the list are written */
        RULE_VALUE,          /* with values of their list */
        RULE_DRIVER_NAME,    /* a driver's name is no path */
        RULE_GROUP,          /* only the function's own IOMMU group is opened */
        RULE_WAIT,           /* a wait has an end */
        RULE_DELAY,          /* a delay is what hardware asks for */
        RULE_WRITE_FUNCTION, /* a recipe writes to a display function */
        RULE_WRITE_REGISTER, /* and there only what core/chip.h lists */
        RULE_REGISTER,       /* behind a BAR it touches only what core/chip.h lists for the chip */
        RULE_REGISTER_BITS,  /* and writes only those bits of it */
        RULE_TEST,           /* a register is held to a test that there is */
        RULE_RESET_METHOD,   /* a function is reset by itself, never with its bus */
        RULE_SAVE,           /* only registers are saved that a reset wipes */
        RULE_RESTORE,        /* only those come back, in their order */
        RULE_RESTORE_VALUE,  /* and no value that starts another reset */
        RULE_SAVED,          /* what is compared was saved before */
        RULE_GUARD,          /* a card is guarded by its display function */
        RULE_ALARM,          /* the machine is woken soon, and not at once */
        RULE_UPSTREAM,       /* of other slots only the ports on the way to the card are read */
        RULE_FELLOW,         /* what goes along with the card changes its driver, and nothing else is done to it */
        _RULE_MAX,
        _RULE_INVALID = -EINVAL,
} HelperRule;

const char *rule_to_string(HelperRule rule);

/**
 * refuse() - sets the message: "refused by the helper's rule 'slot': " and what is wrong
 *
 * Return: -EINVAL; for RULE_VERSION -EPROTO, which ends the helper.
 */
int refuse(HelperReply *reply, HelperRule rule, const char *format, ...) _printf_(3, 4);

/** rules_check_display() - is the helper's slot a graphics card's? Return: 0; as refuse(); other negative errno. */
int rules_check_display(const Helper *helper, HelperReply *reply);

/** helper_fellow() - number of the device that goes along with the card; FELLOWS_MAX: it is none. */
size_t helper_fellow(const Helper *helper, PciAddress address);

/** rules_check_fellow() - may a device that goes along be asked that? Return: 0; as refuse(); other negative errno. */
int rules_check_fellow(const Helper *helper, PciAddress address, uint32_t verb, HelperReply *reply);

/** rules_check_upstream() - is that a port between the root bus and the card? Return: 0; as refuse(); other negative errno. */
int rules_check_upstream(const Helper *helper, PciAddress address, HelperReply *reply);

/** rules_find_group() - the function's own IOMMU group, -1 where it has none. Return: 0; negative errno, with message. */
int rules_find_group(const Helper *helper, PciAddress address, int32_t *ret_group, HelperReply *reply);

/** rules_check_group() - is this the function's own IOMMU group? Return: 0; as refuse(); other negative errno. */
int rules_check_group(const Helper *helper, PciAddress address, int32_t group, HelperReply *reply);
