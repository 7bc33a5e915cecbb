/* Included first by every *_body.c. Such a file is compiled once for each (type, instruction set) with
 *     -DDNNK_BODY_TYPE=f32|f64  -DDNNK_BODY_ISA=portable|avx2|avx512   and the matching -m flags,
 * so a kernel is written once, in plain loops that the compiler vectorises; its functions are static and it exports
 * one constant table, named by DNNK_TABLE(family): dnnk_act_f32_avx2, say. Tables speak void *, bodies cast to `real`.
 */
#ifndef DNNK_BODY_H
#define DNNK_BODY_H

#include <float.h>
#include <math.h>

#include "base/env.h"

#define DNNK_JOIN_(a, b, c, d) a##b##_##c##_##d
#define DNNK_JOIN(a, b, c, d) DNNK_JOIN_(a, b, c, d)
#define DNNK_TABLE(family) DNNK_JOIN(dnnk_, family, DNNK_BODY_TYPE, DNNK_BODY_ISA)

#ifdef DNNK_BODY_F64 /* defined by the build together with DNNK_BODY_TYPE=f64 */
typedef double real;
#define R(x) x
#define r_exp exp
#define r_log log
#define r_log1p log1p
#define r_expm1 expm1
#define r_sqrt sqrt
#define r_tanh tanh
#define r_erf erf
#define r_fabs fabs
#define r_fmax fmax
#define r_fmin fmin
#define r_pow pow
#define REAL_MAX DBL_MAX
#define REAL_EPSILON DBL_EPSILON
#else
typedef float real;
#define R(x) x##f
#define r_exp expf
#define r_log logf
#define r_log1p log1pf
#define r_expm1 expm1f
#define r_sqrt sqrtf
#define r_tanh tanhf
#define r_erf erff
#define r_fabs fabsf
#define r_fmax fmaxf
#define r_fmin fminf
#define r_pow powf
#define REAL_MAX FLT_MAX
#define REAL_EPSILON FLT_EPSILON
#endif

#endif
