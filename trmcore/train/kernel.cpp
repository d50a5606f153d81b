// The passes of the cover network (cover.py), forward and backward, for 32 examples on one core: AMX tiles in bf16 for the
// products, AVX-512 in fp32 for the rest. kernel.py compiles and calls it; cover.py is the reference, and the tests compare
// the gradients. Three sizes are fixed when it is compiled, each a multiple of 32: WIDTH (D, channels of a slot), INTER (of
// the SwiGLU of a slot) and UNITS (of a constraint).
//
// Layout: examples lie innermost, so that everything but the products is element by element. A vector of a slot is
// [D][32] floats; a state is [729][D][32]. A product W[M][K] x X[K][32] takes tiles of 16 x 32 of W and, of X, tiles that
// hold pairs of neighbouring channels side by side (the hardware adds products of pairs): `paired` makes those. What a
// product gives lies as its input did, so that products follow each other without turning anything.
//
// The residual stream is fp32. Saved for the backward pass are, in bf16, the inputs of every SwiGLU, which are the outputs
// of the norms, and in fp32 the norms' divisors; gate and up are computed again.
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

using Vec = __m512;
using Half = uint16_t;  // a bf16

constexpr int D = WIDTH, EX = 32, SLOTS = 729, CONSTRAINTS = 324, TILE = 16 * 32;
constexpr int VECTOR = D * EX;         // elements of a slot's vector
constexpr float GAIN = 1.5f / 9;       // of a constraint's sum
constexpr float EPSILON = 1e-5f;       // within the root of a norm
constexpr int STATE = SLOTS * VECTOR;  // elements of a state

// gcc's intrinsics for loading and storing tiles do not tell the compiler that memory is read and written; these do.
#define TILE_LOAD(t, at, stride) __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #t ::"r"((const void *)(at)), "r"((long)(stride)) : "memory")
#define TILE_STORE(t, at, stride) __asm__ volatile("tilestored %%tmm" #t ", (%0,%1,1)" ::"r"((void *)(at)), "r"((long)(stride)) : "memory")
#define TILE_ZERO(t) __asm__ volatile("tilezero %%tmm" #t ::)
#define TILE_MULTIPLY(c, a, b) __asm__ volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #c ::)

static inline Vec load(const float *p) { return _mm512_loadu_ps(p); }
static inline void store(float *p, Vec x) { _mm512_storeu_ps(p, x); }
static inline Vec all(float x) { return _mm512_set1_ps(x); }
static inline Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
static inline Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
static inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }  // a b + c

static void *allocate(size_t bytes) {
	void *p = nullptr;
	if (posix_memalign(&p, 64, bytes)) abort();
	memset(p, 0, bytes);
	return p;
}

template <class T>
static T *array(size_t n) { return static_cast<T *>(allocate(n * sizeof(T))); }

// exponential is 2^(x / ln 2), the fraction by a polynomial: exact to 1e-4, as bf16 products need.
static inline Vec exponential(Vec x) {
	x = mul(x, all(1.44269504f));
	Vec whole = _mm512_roundscale_ps(x, 0), f = _mm512_sub_ps(x, whole);
	Vec p = all(0.0096181f);
	for (float c : {0.0555041f, 0.2402265f, 0.6931472f, 1.0f}) p = fma(p, f, all(c));
	return _mm512_scalef_ps(p, whole);
}

static inline Vec sigmoid(Vec x) { return _mm512_rcp14_ps(add(all(1), exponential(_mm512_sub_ps(_mm512_setzero_ps(), x)))); }

// A row is 32 numbers: one channel of all examples.
static inline void store_row(Half *p, Vec a, Vec b) { _mm512_storeu_si512(p, (__m512i)_mm512_cvtne2ps_pbh(b, a)); }

static inline void load_row(const Half *p, Vec &a, Vec &b) {
	__m512i w = _mm512_loadu_si512(p);
	a = (Vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(w)), 16);
	b = (Vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(w, 1)), 16);
}

static inline void round_rows(Half *to, const float *from) {
	for (int k = 0; k < D; k++) store_row(to + k * EX, load(from + k * EX), load(from + k * EX + 16));
}

static __m512i pairing[2];  // picks the first or last 16 examples of two rows, pair by pair

// paired turns K rows into the tiles of a right factor, those of the first 16 examples at first, of the others at second.
template <int K>
static inline void paired(Half *first, Half *second, const Half *rows) {
	for (int k = 0; k < K; k += 2) {
		__m512i a = _mm512_loadu_si512(rows + k * EX), b = _mm512_loadu_si512(rows + (k + 1) * EX);
		_mm512_storeu_si512(first + k * 16, _mm512_permutex2var_epi16(a, pairing[0], b));
		_mm512_storeu_si512(second + k * 16, _mm512_permutex2var_epi16(a, pairing[1], b));
	}
}

// turned transposes 16 rows by pairs of examples: the right factor of a product that sums over examples.
static inline void turned(Half *to, const Half *rows) {
	__m512i r[16], t[16];
	for (int i = 0; i < 16; i++) r[i] = _mm512_loadu_si512(rows + i * EX);
	for (int i = 0; i < 16; i += 2) {
		t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
		t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
	}
	for (int i = 0; i < 16; i += 4) {
		r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
		r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
		r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
		r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
	}
	for (int i = 0; i < 4; i++) {
		t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
		t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
		t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
		t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
	}
	for (int i = 0; i < 4; i++) {
		r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
		r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
		r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
		r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
	}
	for (int i = 0; i < 16; i++) _mm512_storeu_si512(to + i * EX, r[i]);
}

// product is out[16 M][32] = A x B for M x K tiles of A; B has the K tiles of the first 16 examples, then those of the
// others. M is even.
template <int M, int K>
static inline void product(const Half *A, const Half *B, float *out) {
	for (int m = 0; m < M; m += 2) {
		TILE_ZERO(0);
		TILE_ZERO(1);
		TILE_ZERO(2);
		TILE_ZERO(3);
		for (int k = 0; k < K; k++) {
			TILE_LOAD(4, A + (m * K + k) * TILE, 64);
			TILE_LOAD(5, A + ((m + 1) * K + k) * TILE, 64);
			TILE_LOAD(6, B + k * TILE, 64);
			TILE_LOAD(7, B + (K + k) * TILE, 64);
			TILE_MULTIPLY(0, 4, 6);
			TILE_MULTIPLY(1, 4, 7);
			TILE_MULTIPLY(2, 5, 6);
			TILE_MULTIPLY(3, 5, 7);
		}
		TILE_STORE(0, out + m * 512, 128);
		TILE_STORE(1, out + m * 512 + 16, 128);
		TILE_STORE(2, out + m * 512 + 512, 128);
		TILE_STORE(3, out + m * 512 + 528, 128);
	}
}

// add_outer adds to gradient[16 M][D], at 32 of its columns, the product of M tiles of rows with turned rows: a sum over
// examples.
template <int M>
static inline void add_outer(const Half *rows, const Half *turned_rows, float *gradient) {
	TILE_LOAD(6, turned_rows, 64);
	TILE_LOAD(7, turned_rows + TILE, 64);
	for (int m = 0; m < M; m++) {
		float *g = gradient + m * 16 * D;
		TILE_LOAD(4, rows + m * TILE, 64);
		TILE_LOAD(0, g, 4 * D);
		TILE_LOAD(1, g + 16, 4 * D);
		TILE_MULTIPLY(0, 4, 6);
		TILE_MULTIPLY(1, 4, 7);
		TILE_STORE(0, g, 4 * D);
		TILE_STORE(1, g + 16, 4 * D);
	}
}

static Half rounded(float f) {
	uint32_t u;
	memcpy(&u, &f, 4);
	return (u + 0x7fff + ((u >> 16) & 1)) >> 16;
}

// tiles writes the M x K matrix w[i * row + j * column] as tiles of 16 x 32.
static void tiles(Half *to, const float *w, int M, int K, int row, int column) {
	for (int m = 0; m < M; m += 16)
		for (int k = 0; k < K; k += 32)
			for (int i = m; i < m + 16; i++)
				for (int j = k; j < k + 32; j++) *to++ = rounded(w[i * row + j * column]);
}

// SwiGLU is down(silu(gate x) * up x) with I inner units: weights as tiles, each also transposed for the backward pass,
// and gradients in fp32.
template <int I>
struct SwiGLU {
	Half *gate_up = array<Half>(2 * I * D), *gate_up_T = array<Half>(2 * I * D), *down = array<Half>(I * D), *down_T = array<Half>(I * D);
	float *d_gate_up = array<float>(2 * I * D), *d_down_T = array<float>(I * D);

	void set(const float *gate_up_w, const float *down_w) {
		tiles(gate_up, gate_up_w, 2 * I, D, D, 1);
		tiles(gate_up_T, gate_up_w, D, 2 * I, 1, D);
		tiles(down, down_w, D, I, I, 1);
		tiles(down_T, down_w, I, D, 1, I);
		memset(d_gate_up, 0, sizeof(float) * 2 * I * D);
		memset(d_down_T, 0, sizeof(float) * I * D);
	}

	void gradients(float *gate_up_g, float *down_g) const {
		memcpy(gate_up_g, d_gate_up, sizeof(float) * 2 * I * D);
		for (int i = 0; i < I; i++)
			for (int k = 0; k < D; k++) down_g[k * I + i] = d_down_T[i * D + k];
	}

	// inner gives 32 gates, then 32 ups, from unit 32 c on.
	void inner(int c, const Half *x_paired, float *out) const {
		constexpr int K = D / 32;
		product<2, K>(gate_up + c * 2 * K * TILE, x_paired, out);
		product<2, K>(gate_up + (I / 16 + c * 2) * K * TILE, x_paired, out + 32 * EX);
	}

	// forward: x is D rows, out [D][32].
	void forward(const Half *x, float *out) const {
		alignas(64) Half x_paired[VECTOR], h[32 * EX], h_paired[I * EX];
		alignas(64) float gu[64 * EX];
		paired<D>(x_paired, x_paired + D * 16, x);
		for (int c = 0; c < I / 32; c++) {
			inner(c, x_paired, gu);
			for (int i = 0; i < 32; i++) {
				Vec y[2];
				for (int e = 0; e < 2; e++) {
					Vec g = load(gu + i * EX + e * 16), u = load(gu + (32 + i) * EX + e * 16);
					y[e] = mul(mul(g, sigmoid(g)), u);
				}
				store_row(h + i * EX, y[0], y[1]);
			}
			paired<32>(h_paired + c * TILE, h_paired + (I / 32 + c) * TILE, h);
		}
		product<D / 16, I / 32>(down, h_paired, out);
	}

	// backward: x and dy are D rows, dx [D][32]; adds to the gradients.
	void backward(const Half *x, const Half *dy, float *dx) {
		alignas(64) Half x_paired[VECTOR], dy_paired[VECTOR], h[I * EX], d_gu[2 * I * EX], d_gu_paired[2 * I * EX], t[VECTOR];
		alignas(64) float gu[64 * EX], dh[32 * EX];
		paired<D>(x_paired, x_paired + D * 16, x);
		paired<D>(dy_paired, dy_paired + D * 16, dy);
		for (int c = 0; c < I / 32; c++) {
			inner(c, x_paired, gu);
			product<2, D / 32>(down_T + c * 2 * (D / 32) * TILE, dy_paired, dh);
			for (int i = 0; i < 32; i++) {
				Vec y[2], dg[2], du[2];
				for (int e = 0; e < 2; e++) {
					Vec g = load(gu + i * EX + e * 16), u = load(gu + (32 + i) * EX + e * 16), d = load(dh + i * EX + e * 16);
					Vec s = sigmoid(g), silu = mul(g, s);
					y[e] = mul(silu, u);
					du[e] = mul(d, silu);
					dg[e] = mul(mul(d, u), fma(silu, _mm512_sub_ps(all(1), s), s));
				}
				int unit = c * 32 + i;
				store_row(h + unit * EX, y[0], y[1]);
				store_row(d_gu + unit * EX, dg[0], dg[1]);
				store_row(d_gu + (I + unit) * EX, du[0], du[1]);
			}
			paired<32>(d_gu_paired + c * TILE, d_gu_paired + (2 * I / 32 + c) * TILE, d_gu + c * 32 * EX);
			paired<32>(d_gu_paired + (I / 32 + c) * TILE, d_gu_paired + (3 * I / 32 + c) * TILE, d_gu + (I + c * 32) * EX);
		}
		product<D / 16, 2 * I / 32>(gate_up_T, d_gu_paired, dx);
		for (int k = 0; k < D / 16; k++) turned(t + k * TILE, x + k * TILE);
		for (int k = 0; k < D / 16; k += 2) add_outer<2 * I / 16>(d_gu, t + k * TILE, d_gate_up + k * 16);
		for (int k = 0; k < D / 16; k++) turned(t + k * TILE, dy + k * TILE);
		for (int k = 0; k < D / 16; k += 2) add_outer<I / 16>(h, t + k * TILE, d_down_T + k * 16);
	}
};

struct Layer {
	SwiGLU<UNITS> line, box, cell;
	SwiGLU<INTER> slot;
	SwiGLU<UNITS> &of(int constraint) { return constraint < 162 ? line : constraint < 243 ? box : cell; }
};

// Saved is what a layer's backward pass needs of its forward pass.
struct Saved {
	Half *constraints = array<Half>(CONSTRAINTS * VECTOR), *mixed = array<Half>(STATE), *out = array<Half>(STATE);
	float *mixed_divisor = array<float>(SLOTS * EX), *out_divisor = array<float>(SLOTS * EX);
};

struct Net {
	int layers, H, L;
	Layer *layer;
	Saved *saved;  // of the last H-cycle: L + 1 passes of all layers
	float *x, *messages, *injected, *d_injected;
};

static int member[SLOTS][4];  // the constraints of each slot: row and digit, column and digit, box and digit, cell

// messages_of sums the slots of every constraint.
static void messages_of(const float *x, float *sums) {
	memset(sums, 0, sizeof(float) * CONSTRAINTS * VECTOR);
	for (int s = 0; s < SLOTS; s++, x += VECTOR)
		for (int k = 0; k < VECTOR; k += 16) {
			Vec v = load(x + k);
			for (int m : member[s]) store(sums + m * VECTOR + k, add(load(sums + m * VECTOR + k), v));
		}
}

// with_messages is a slot's vector and what its constraints say, at [k, k + 16).
static inline Vec with_messages(const float *x, const float *messages, int s, int k) {
	const float *m = messages + k;
	Vec lines = add(load(m + member[s][0] * VECTOR), load(m + member[s][1] * VECTOR));
	Vec others = add(load(m + member[s][2] * VECTOR), load(m + member[s][3] * VECTOR));
	return add(load(x + k), add(lines, others));
}

// norm writes y over its root mean square to out and, rounded, to rows.
static inline void norm(const float *y, float *divisor, Half *rows, float *out) {
	Vec a = _mm512_setzero_ps(), b = a;
	for (int k = 0; k < D; k++) {
		Vec s = load(y + k * EX), t = load(y + k * EX + 16);
		a = fma(s, s, a);
		b = fma(t, t, b);
	}
	a = _mm512_div_ps(all(1), _mm512_sqrt_ps(fma(a, all(1.f / D), all(EPSILON))));
	b = _mm512_div_ps(all(1), _mm512_sqrt_ps(fma(b, all(1.f / D), all(EPSILON))));
	store(divisor, a);
	store(divisor + 16, b);
	for (int k = 0; k < D; k++) {
		Vec s = mul(load(y + k * EX), a), t = mul(load(y + k * EX + 16), b);
		store(out + k * EX, s);
		store(out + k * EX + 16, t);
		store_row(rows + k * EX, s, t);
	}
}

// norm_backward turns the gradient of a norm's output into that of its input.
static inline void norm_backward(float *g, const float *divisor, const Half *rows) {
	Vec a = _mm512_setzero_ps(), b = a, s, t;
	for (int k = 0; k < D; k++) {
		load_row(rows + k * EX, s, t);
		a = fma(load(g + k * EX), s, a);
		b = fma(load(g + k * EX + 16), t, b);
	}
	a = mul(a, all(1.f / D));
	b = mul(b, all(1.f / D));
	Vec first = load(divisor), second = load(divisor + 16);
	for (int k = 0; k < D; k++) {
		load_row(rows + k * EX, s, t);
		store(g + k * EX, mul(first, _mm512_fnmadd_ps(s, a, load(g + k * EX))));
		store(g + k * EX + 16, mul(second, _mm512_fnmadd_ps(t, b, load(g + k * EX + 16))));
	}
}

static void layer_forward(Layer &layer, float *x, float *messages, Saved &saved) {
	messages_of(x, messages);
	for (int n = 0; n < CONSTRAINTS; n++) {
		float *m = messages + n * VECTOR;
		Half *rows = saved.constraints + n * VECTOR;
		for (int k = 0; k < D; k++) store_row(rows + k * EX, mul(load(m + k * EX), all(GAIN)), mul(load(m + k * EX + 16), all(GAIN)));
		layer.of(n).forward(rows, m);
	}
	alignas(64) float y[VECTOR], o[VECTOR];
	for (int s = 0; s < SLOTS; s++) {
		float *slot = x + s * VECTOR;
		for (int k = 0; k < VECTOR; k += 16) store(y + k, with_messages(slot, messages, s, k));
		norm(y, saved.mixed_divisor + s * EX, saved.mixed + s * VECTOR, y);
		layer.slot.forward(saved.mixed + s * VECTOR, o);
		for (int k = 0; k < VECTOR; k += 16) store(o + k, add(load(o + k), load(y + k)));
		norm(o, saved.out_divisor + s * EX, saved.out + s * VECTOR, slot);
	}
}

// layer_backward takes and gives the gradient in x.
static void layer_backward(Layer &layer, float *x, float *messages, const Saved &saved) {
	alignas(64) float o[VECTOR];
	alignas(64) Half rows[VECTOR];
	for (int s = 0; s < SLOTS; s++) {
		float *slot = x + s * VECTOR;
		norm_backward(slot, saved.out_divisor + s * EX, saved.out + s * VECTOR);
		round_rows(rows, slot);
		layer.slot.backward(saved.mixed + s * VECTOR, rows, o);
		for (int k = 0; k < VECTOR; k += 16) store(slot + k, add(load(o + k), load(slot + k)));
		norm_backward(slot, saved.mixed_divisor + s * EX, saved.mixed + s * VECTOR);
	}
	messages_of(x, messages);
	for (int n = 0; n < CONSTRAINTS; n++) {
		float *m = messages + n * VECTOR;
		round_rows(rows, m);
		layer.of(n).backward(saved.constraints + n * VECTOR, rows, m);
		for (int k = 0; k < VECTOR; k += 16) store(m + k, mul(load(m + k), all(GAIN)));
	}
	for (int s = 0; s < SLOTS; s++)
		for (int k = 0; k < VECTOR; k += 16) store(x + s * VECTOR + k, with_messages(x + s * VECTOR, messages, s, k));
}

static void sum(float *out, const float *a, const float *b) {
	for (int i = 0; i < STATE; i += 16) store(out + i, add(load(a + i), load(b + i)));
}

// apply is the network once: x = a + b through all layers.
static void apply(Net *net, int pass, const float *a, const float *b) {
	sum(net->x, a, b);
	for (int i = 0; i < net->layers; i++) layer_forward(net->layer[i], net->x, net->messages, net->saved[pass * net->layers + i]);
}

static inline __m512i codes_at(const uint8_t *codes) { return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)codes)); }

extern "C" {

// kernel_start asks the system for the tiles and configures them on the calling thread. It returns 0, or -1 where there
// are none.
int kernel_start() {
	constexpr int request_permission = 0x1023, tile_data = 18;  // arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)
	if (syscall(SYS_arch_prctl, request_permission, tile_data)) return -1;
	struct __attribute__((packed)) {
		uint8_t palette, start, reserved[14];
		uint16_t bytes[16];
		uint8_t rows[16];
	} config;
	memset(&config, 0, sizeof config);
	config.palette = 1;
	for (int i = 0; i < 8; i++) config.bytes[i] = 64, config.rows[i] = 16;
	__asm__ volatile("ldtilecfg %0" ::"m"(config) : "memory");
	for (int half = 0; half < 2; half++) {
		Half order[32];
		for (int j = 0; j < 16; j++) order[2 * j] = half * 16 + j, order[2 * j + 1] = 32 + half * 16 + j;
		pairing[half] = _mm512_loadu_si512(order);
	}
	for (int r = 0; r < 9; r++)
		for (int c = 0; c < 9; c++)
			for (int d = 0; d < 9; d++) {
				int *m = member[(r * 9 + c) * 9 + d];
				m[0] = r * 9 + d, m[1] = 81 + c * 9 + d, m[2] = 162 + (r / 3 * 3 + c / 3) * 9 + d, m[3] = 243 + r * 9 + c;
			}
	return 0;
}

Net *kernel_new(int layers, int H, int L) {
	Net *net = new Net{layers, H, L, new Layer[layers], new Saved[layers * (L + 1)]};
	net->x = array<float>(STATE);
	net->messages = array<float>(CONSTRAINTS * VECTOR);
	net->injected = array<float>(STATE);
	net->d_injected = array<float>(STATE);
	return net;
}

// kernel_weights takes gate_up and down of line, box, cell and slot, for each layer, and sets the gradients to zero.
void kernel_weights(Net *net, const float **w) {
	for (int i = 0; i < net->layers; i++, w += 8) {
		Layer &l = net->layer[i];
		l.line.set(w[0], w[1]);
		l.box.set(w[2], w[3]);
		l.cell.set(w[4], w[5]);
		l.slot.set(w[6], w[7]);
	}
}

// kernel_gradients gives the sums of all backward passes since kernel_weights, in the same order.
void kernel_gradients(Net *net, float **g) {
	for (int i = 0; i < net->layers; i++, g += 8) {
		Layer &l = net->layer[i];
		l.line.gradients(g[0], g[1]);
		l.box.gradients(g[2], g[3]);
		l.cell.gradients(g[4], g[5]);
		l.slot.gradients(g[6], g[7]);
	}
}

// kernel_forward makes the cycles of a supervision step. z_H and z_L [729][D][32] become the next states; codes
// [729][32] says which row of embedding [3][D] each slot has.
void kernel_forward(Net *net, float *z_H, float *z_L, const uint8_t *codes, const float *embedding) {
	for (int h = 0; h < net->H; h++) {
		for (int s = 0; s < SLOTS; s++)
			for (int k = 0; k < D; k++)
				for (int e = 0; e < EX; e += 16) {
					__m512i c = codes_at(codes + s * EX + e);
					Vec x = _mm512_mask_blend_ps(_mm512_cmpeq_epi32_mask(c, _mm512_set1_epi32(1)), all(embedding[k]), all(embedding[D + k]));
					x = _mm512_mask_blend_ps(_mm512_cmpeq_epi32_mask(c, _mm512_set1_epi32(2)), x, all(embedding[2 * D + k]));
					size_t i = s * VECTOR + k * EX + e;
					store(net->injected + i, add(load(z_H + i), x));
				}
		for (int pass = 0; pass < net->L; pass++) {
			apply(net, pass, z_L, net->injected);
			memcpy(z_L, net->x, sizeof(float) * STATE);
		}
		apply(net, net->L, z_H, z_L);
		memcpy(z_H, net->x, sizeof(float) * STATE);
	}
}

// kernel_backward goes back through the last cycle of the last kernel_forward, from the gradient of its z_H. It adds to
// the gradients of the weights and to that of the embedding.
void kernel_backward(Net *net, const float *d_z_H, const uint8_t *codes, float *d_embedding) {
	memcpy(net->x, d_z_H, sizeof(float) * STATE);
	memset(net->d_injected, 0, sizeof(float) * STATE);
	for (int pass = net->L; pass >= 0; pass--) {
		for (int i = net->layers - 1; i >= 0; i--) layer_backward(net->layer[i], net->x, net->messages, net->saved[pass * net->layers + i]);
		if (pass < net->L) sum(net->d_injected, net->d_injected, net->x);
	}
	for (int k = 0; k < D; k++) {
		Vec total = _mm512_setzero_ps(), one = total, two = total;
		for (int s = 0; s < SLOTS; s++)
			for (int e = 0; e < EX; e += 16) {
				__m512i c = codes_at(codes + s * EX + e);
				Vec g = load(net->d_injected + s * VECTOR + k * EX + e);
				total = add(total, g);
				one = _mm512_mask_add_ps(one, _mm512_cmpeq_epi32_mask(c, _mm512_set1_epi32(1)), one, g);
				two = _mm512_mask_add_ps(two, _mm512_cmpeq_epi32_mask(c, _mm512_set1_epi32(2)), two, g);
			}
		float all_of = _mm512_reduce_add_ps(total), given = _mm512_reduce_add_ps(one), other = _mm512_reduce_add_ps(two);
		d_embedding[k] += all_of - given - other;
		d_embedding[D + k] += given;
		d_embedding[2 * D + k] += other;
	}
}

}  // extern "C"
