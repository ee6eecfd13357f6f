#ifndef RX_LAZY_H
#define RX_LAZY_H

// A shared library that is opened when its first function is called. Start-up then costs nothing for the libraries that a
// command does not use, and the distribution can still replace each of them.
//
// LAZY(result, name, (parameters), (arguments)) defines the library's own function `name` as a call through the opened
// library, so that callers write the library's documented API. The file that uses it defines LAZY_LIBRARY first.
struct lazy_library {
    const char *soname;   // what dlopen is given, "libz.so.1"
    const char *package;  // what a person installs when it is absent, "zlib1g"
    void *handle;
};

// The address of `name` in the library; null when it cannot be opened or has no such function.
void *lazy_symbol_if_present(struct lazy_library *library, const char *name);

// The same; ends the process with a message that says what to install when it is not there.
void *lazy_symbol(struct lazy_library *library, const char *name);

#define LAZY(result, name, parameters, arguments)                               \
    result name parameters {                                                    \
        static __typeof__(&name) address;                                       \
        __typeof__(&name) call = __atomic_load_n(&address, __ATOMIC_ACQUIRE);   \
        if (!call) {                                                            \
            call = (__typeof__(&name))lazy_symbol(&LAZY_LIBRARY, #name);        \
            __atomic_store_n(&address, call, __ATOMIC_RELEASE);                 \
        }                                                                       \
        return call arguments;                                                  \
    }

#endif
