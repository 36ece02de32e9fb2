/* Runs a program that may not make memory executable, as systemd's MemoryDenyWriteExecute=yes does it: mprotect and
   pkey_mprotect with PROT_EXEC fail with EPERM. Mapping a library is still possible. Usage: no_machine_code PROGRAM ARGUMENT... */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF(test, value, yes, no) BPF_JUMP(BPF_JMP | test | BPF_K, value, yes, no)

int main(int count, char **arguments) {
    struct sock_filter code[] = {
        LOAD(nr),
        IF(BPF_JEQ, SYS_mprotect, 1, 0),
        IF(BPF_JEQ, SYS_pkey_mprotect, 0, 3),
        LOAD(args[2]),
        IF(BPF_JSET, PROT_EXEC, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof code / sizeof *code, code};
    if (count < 2) return 2;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) {
        perror("no_machine_code: the filter can't be set");
        return 2;
    }
    execv(arguments[1], arguments + 1);
    perror(arguments[1]);
    return 2;
}
