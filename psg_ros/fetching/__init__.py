# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`psg models get`: from an address in the table of public models to a model folder.

`web` brings the bytes of one address, and goes on where it was cut; `hub` asks the hub for address,
token and digest first; `shelf` keeps what is fetched and what is under way apart; `get` joins them.
"""
