#pragma once
// Has no declarations: what is in mutex_order.c takes the place of functions of Swift's Synchronization in a build for the thread sanitizer.
