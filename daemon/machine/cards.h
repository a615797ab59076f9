/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The cards of this machine, out of /sys. Reads only attributes that neither take a device lock nor
 * wake a device: links, ids, class, boot_vga. FunctionFacts.survey stays invalid, and virtual functions are
 * counted by their links, since sriov_numvfs takes the device lock before Linux 6.9.
 */

#include "core/facts.h"

/* Positive outcomes. */
enum {
        CARDS_E_NOT_A_CARD = 1, /* the device exists and belongs to no card */
};

/**
 * cards_scan() - every card, ordered by address
 * @root: "" or, in tests, a folder that holds a `sys`
 * @ret_cards: allocated with malloc(), the caller frees it; NULL when there is none
 *
 * Return: 0; -E2BIG over CARDS_MAX; -ENOMEM; other negative errno when /sys/bus/pci/devices cannot be read.
 * A device that vanishes while it is read is left out.
 */
int cards_scan(const char *root, CardFacts **ret_cards, size_t *ret_n);

/**
 * cards_read() - the card that @address is a function of
 *
 * Return: 0; CARDS_E_NOT_A_CARD; -ENODEV when there is no such device.
 */
int cards_read(const char *root, PciAddress address, CardFacts *ret_card);

/** cards_read_with() - the same, with the devices at @fellows (FELLOWS_MAX at most), each where it is there or as a lost one. */
int cards_read_with(const char *root, PciAddress address, const PciAddress *fellows, size_t n_fellows, CardFacts *ret_card);
