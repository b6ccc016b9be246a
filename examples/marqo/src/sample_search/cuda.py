"""Dot products on an NVIDIA GPU, by the driver alone: it compiles the kernel below for the GPU at hand, so nothing else
of CUDA need be installed."""

import ctypes
import functools

# Turing and newer: g4dn, g5, g5g, g6, p4 and later. One thread computes one row.
KERNEL = b"""
.version 6.3
.target sm_75
.address_size 64

.visible .entry scores(.param .u64 vectors, .param .u64 query, .param .u64 result, .param .u32 rows, .param .u32 width)
{
    .reg .pred %p<3>;
    .reg .b32 %r<9>;
    .reg .f32 %f<4>;
    .reg .b64 %d<7>;

    ld.param.u64 %d1, [vectors];
    ld.param.u64 %d2, [query];
    ld.param.u64 %d3, [result];
    ld.param.u32 %r1, [rows];
    ld.param.u32 %r2, [width];
    cvta.to.global.u64 %d1, %d1;
    cvta.to.global.u64 %d2, %d2;
    cvta.to.global.u64 %d3, %d3;

    mov.u32 %r3, %ctaid.x;
    mov.u32 %r4, %ntid.x;
    mov.u32 %r5, %tid.x;
    mad.lo.u32 %r6, %r3, %r4, %r5;
    setp.ge.u32 %p1, %r6, %r1;
    @%p1 bra DONE;

    mul.lo.u32 %r7, %r6, %r2;
    mul.wide.u32 %d4, %r7, 4;
    add.u64 %d4, %d1, %d4;
    mov.f32 %f1, 0f00000000;
    mov.u32 %r8, 0;
NEXT:
    setp.ge.u32 %p2, %r8, %r2;
    @%p2 bra STORE;
    ld.global.f32 %f2, [%d4];
    ld.global.f32 %f3, [%d2];
    fma.rn.f32 %f1, %f2, %f3, %f1;
    add.u64 %d4, %d4, 4;
    add.u64 %d2, %d2, 4;
    add.u32 %r8, %r8, 1;
    bra NEXT;
STORE:
    mul.wide.u32 %d5, %r6, 4;
    add.u64 %d6, %d3, %d5;
    st.global.f32 [%d6], %f1;
DONE:
    ret;
}
"""

THREADS = 128


class NoGPU(RuntimeError):
    """There is no GPU here that can be used."""


class Gpu:
    """The first GPU of the machine, for one thread."""

    def __init__(self):
        try:
            self.driver = ctypes.CDLL("libcuda.so.1")
        except OSError as cause:
            raise NoGPU(f"load NVIDIA's driver: {cause}") from cause
        count, device, context, module, self.kernel = (
            ctypes.c_int(), ctypes.c_int(), ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p())
        self.call("cuInit", 0)
        self.call("cuDeviceGetCount", ctypes.byref(count))
        if count.value == 0:
            raise NoGPU("the driver knows no GPU")
        self.call("cuDeviceGet", ctypes.byref(device), 0)
        name = ctypes.create_string_buffer(256)
        self.call("cuDeviceGetName", name, len(name), device)
        self.name = name.value.decode()
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self.call("cuCtxSetCurrent", context)
        self.call("cuModuleLoadData", ctypes.byref(module), KERNEL)
        self.call("cuModuleGetFunction", ctypes.byref(self.kernel), module, b"scores")

    def call(self, function, *arguments):
        code = getattr(self.driver, function)(*arguments)
        if code == 0:
            return
        words = ctypes.c_char_p()
        self.driver.cuGetErrorName(code, ctypes.byref(words))
        raise NoGPU(f"{function}: {(words.value or b'error').decode()} ({code})")

    def scores(self, vectors, query):
        rows, width = len(vectors), len(query)
        result = (ctypes.c_float * rows)()
        inputs = [(ctypes.c_float * (rows * width))(*(x for vector in vectors for x in vector)), (ctypes.c_float * width)(*query)]
        held = []
        try:
            for array in [*inputs, result]:
                pointer = ctypes.c_uint64()
                self.call("cuMemAlloc_v2", ctypes.byref(pointer), ctypes.c_size_t(ctypes.sizeof(array)))
                held.append(pointer)
            for pointer, array in zip(held, inputs):
                self.call("cuMemcpyHtoD_v2", pointer, array, ctypes.c_size_t(ctypes.sizeof(array)))
            values = [*held, ctypes.c_uint32(rows), ctypes.c_uint32(width)]
            arguments = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
            blocks = (rows + THREADS - 1) // THREADS
            self.call("cuLaunchKernel", self.kernel, blocks, 1, 1, THREADS, 1, 1, 0, None, arguments, None)
            self.call("cuCtxSynchronize")
            self.call("cuMemcpyDtoH_v2", result, held[2], ctypes.c_size_t(ctypes.sizeof(result)))
        finally:
            for pointer in held:
                self.call("cuMemFree_v2", pointer)
        return list(result)


@functools.cache
def gpu():
    """Return the machine's GPU. NoGPU says why there is none."""
    return Gpu()


def scores(vectors, query):
    """Return the dot product of each vector with the query. NoGPU if there is no GPU."""
    return gpu().scores(vectors, query) if vectors else []
