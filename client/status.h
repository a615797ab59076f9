/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/client.h"
#include "client/gpu.h"

/** print_status_json() - {"gpus":[...]} of these cards. Return: EXIT_DONE, or EXIT_REFUSED without memory. */
ExitStatus print_status_json(const Gpu *gpus, size_t n_gpus);
