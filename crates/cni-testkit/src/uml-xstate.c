/* Preloaded into linux.uml on processors whose extended state is larger than it knows (AMX).
 *
 * User-mode Linux 6.1 sets the registers of its processes from a fixed buffer of 2696 bytes;
 * the kernel takes nothing but the whole state (arch/x86/kernel/fpu/regset.c). What the buffer
 * lacks is filled in with what the process has. */
#define _GNU_SOURCE
#include <elf.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

long ptrace(enum __ptrace_request request, ...)
{
	static char state[65536] __attribute__((aligned(64)));
	__builtin_va_list arguments;
	__builtin_va_start(arguments, request);
	long pid = __builtin_va_arg(arguments, long);
	long addr = __builtin_va_arg(arguments, long);
	void *data = __builtin_va_arg(arguments, void *);
	__builtin_va_end(arguments);

	struct iovec whole = { state, sizeof state };
	struct iovec *given = data;
	if (request == PTRACE_SETREGSET && addr == NT_X86_XSTATE
	    && syscall(SYS_ptrace, PTRACE_GETREGSET, pid, addr, &whole) == 0
	    && whole.iov_len > given->iov_len) {
		memcpy(state, given->iov_base, given->iov_len);
		data = &whole;
	}
	/* The bare system call writes what a PEEK reads to where `data` points. */
	long word = 0;
	int is_peek = request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA
		|| request == PTRACE_PEEKUSER;
	long status = syscall(SYS_ptrace, request, pid, addr, is_peek ? &word : data);
	return is_peek && status == 0 ? word : status;
}
