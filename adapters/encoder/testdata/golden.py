"""Makes what the tests of this package compare with, by the Python libraries that the models come with.

    pip install numpy onnx onnxruntime==1.32.0 tokenizers
    python golden.py tiny                      # a small random BERT, as encoder (ONNX, safetensors) and as reranker
    python golden.py real NAME FOLDER KIND     # adds the vectors or scores of a real model's folder to real.json
"""
import json, os, struct, sys
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
TEXTS = [
    "We moved to Lisbon in May, and Ruth hates it!",
    "",
    "Zoë's café — naïve résumé: $3.50 (50% off), e-mail: a.b@c.example",
    "東京タワーへ行きました。 한국어 und Straße İstanbul",
    "tabs\tand\nlines\r\n and\u0000control\u200bcharacters\ufffd\u00ad \u2028end",
    "👩‍👩‍👧 emoji ❤️ fine",
    "supercalifragilisticexpialidocious " + "x" * 120 + " pneumonoultramicroscopicsilicovolcanoconiosis",
    "ΟΔΥΣΣΕΥΣ ǅ ﬁ Ⅷ ½ ²",
]
PAIRS = [("Where does Ruth live?", t) for t in TEXTS]


def tokenizer(path):
    from tokenizers import Tokenizer
    t = Tokenizer.from_file(path)
    t.no_padding(), t.no_truncation()
    return t


def run(session, enc):
    feed = {"input_ids": enc.ids, "attention_mask": [1] * len(enc.ids), "token_type_ids": enc.type_ids}
    return session.run(None, {i.name: np.array([feed[i.name]], np.int64) for i in session.get_inputs()})[0]


def measure(folder, kind):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(os.path.join(folder, "model.onnx"), options, providers=["CPUExecutionProvider"])
    t = tokenizer(os.path.join(folder, "tokenizer.json"))
    out = []
    if kind == "reranker":
        for q, p in PAIRS:
            enc = t.encode(q, p)
            out.append({"question": q, "text": p, "ids": enc.ids, "score": float(run(session, enc).ravel()[0])})
        return out
    for text in TEXTS:
        enc = t.encode(text)
        v = run(session, enc)[0].mean(0)
        v = v / np.linalg.norm(v)
        out.append({"text": text, "ids": enc.ids, "vector": [round(float(x), 7) for x in v[:32]]})
    return out


def safetensors(path, tensors):
    header, at = {}, 0
    for name in sorted(tensors):
        n = tensors[name].nbytes
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [at, at + n]}
        at += n
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            f.write(tensors[name].astype("<f4").tobytes())


def tiny():
    from onnx import TensorProto, helper, numpy_helper, save
    letters = sorted(set("abcdefghijklmnopqrstuvwxyz0123456789東京行きましたへ한국어ßǆαβγδεζοδυσςθ½²ﬁⅷ❤"))
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] + letters + ["##" + c for c in letters] + list("!\"$%&'(),-.:@") + ["the", "we", "##ed", "move"]
    vocab = {v: i for i, v in enumerate(vocab)}
    file = {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [{"id": i, "content": c, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} for i, c in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])],
            "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {"type": "TemplateProcessing",
                "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
                "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
                         {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
                "special_tokens": {c: {"id": c, "ids": [vocab[c]], "tokens": [c]} for c in ["[CLS]", "[SEP]"]}},
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocab}}
    H, A, F, L, P = 8, 2, 16, 2, 512
    rng = np.random.default_rng(7)
    w = {}
    def rand(name, *shape):
        w[name] = rng.normal(0, .5, shape).astype(np.float32)
    rand("embeddings.word_embeddings.weight", len(vocab), H)
    rand("embeddings.position_embeddings.weight", P, H)
    rand("embeddings.token_type_embeddings.weight", 2, H)
    def norm(p):
        rand(p + ".bias", H)
        w[p + ".weight"] = (1 + rng.normal(0, .2, H)).astype(np.float32)
    norm("embeddings.LayerNorm")
    for i in range(L):
        p = f"encoder.layer.{i}."
        for name, o, n in [("attention.self.query", H, H), ("attention.self.key", H, H), ("attention.self.value", H, H),
                           ("attention.output.dense", H, H), ("intermediate.dense", F, H), ("output.dense", H, F)]:
            rand(p + name + ".weight", o, n)
            rand(p + name + ".bias", o)
        norm(p + "attention.output.LayerNorm")
        norm(p + "output.LayerNorm")
    w["score.weight"], w["score.bias"] = rng.normal(0, 1, (1, H)).astype(np.float32), np.array([.3], np.float32)
    nodes, inits, count = [], [], [0]
    for name, value in w.items():
        inits.append(numpy_helper.from_array(value.T.copy() if value.ndim == 2 and "embeddings" not in name else value, name))
    def const(value, dtype=np.float32):
        count[0] += 1
        inits.append(numpy_helper.from_array(np.array(value, dtype), f"c{count[0]}"))
        return f"c{count[0]}"
    def op(kind, *inputs, **attr):
        count[0] += 1
        nodes.append(helper.make_node(kind, list(inputs), [f"n{count[0]}"], **attr))
        return f"n{count[0]}"
    def ln(x, p):
        return op("LayerNormalization", x, p + ".weight", p + ".bias", axis=-1, epsilon=1e-12)
    def lin(x, p):
        return op("Add", op("MatMul", x, p + ".weight"), p + ".bias")
    n = op("Shape", "input_ids", start=1, end=2)
    x = op("Gather", "embeddings.word_embeddings.weight", "input_ids")
    x = op("Add", x, op("Slice", "embeddings.position_embeddings.weight", const([0], np.int64), n, const([0], np.int64)))
    x = ln(op("Add", x, op("Gather", "embeddings.token_type_embeddings.weight", "token_type_ids")), "embeddings.LayerNorm")
    split = const([0, 0, A, H // A], np.int64)
    for i in range(L):
        p = f"encoder.layer.{i}."
        q, k, v = (op("Transpose", op("Reshape", lin(x, p + "attention.self." + s), split), perm=[0, 2, 1, 3]) for s in ("query", "key", "value"))
        a = op("Softmax", op("Mul", op("MatMul", q, op("Transpose", k, perm=[0, 1, 3, 2])), const(1 / np.sqrt(H / A))), axis=-1)
        a = op("Reshape", op("Transpose", op("MatMul", a, v), perm=[0, 2, 1, 3]), const([0, 0, H], np.int64))
        x = ln(op("Add", x, lin(a, p + "attention.output.dense")), p + "attention.output.LayerNorm")
        u = lin(x, p + "intermediate.dense")
        g = op("Mul", op("Mul", u, const(.5)), op("Add", op("Erf", op("Mul", u, const(1 / np.sqrt(2)))), const(1.0)))
        x = ln(op("Add", x, lin(g, p + "output.dense")), p + "output.LayerNorm")
    mask = op("Cast", op("Mul", "attention_mask", const([0], np.int64)), to=TensorProto.FLOAT)  # an input of all such graphs
    hidden = op("Add", x, op("Unsqueeze", mask, const([2], np.int64)))
    first = op("Squeeze", op("Slice", hidden, const([0], np.int64), const([1], np.int64), const([1], np.int64)), const([1], np.int64))
    score = lin(first, "score")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in ("input_ids", "attention_mask", "token_type_ids")]
    golden = {}
    for kind, folder, out, shape in (("encoder", "tiny", hidden, ["batch", "tokens", H]), ("reranker", "tiny-reranker", score, ["batch", 1])):
        graph = helper.make_graph(nodes, kind, inputs, [helper.make_tensor_value_info(out, TensorProto.FLOAT, shape)], inits)
        folder = os.path.join(HERE, folder)
        save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), os.path.join(folder, "model.onnx"))
        json.dump(file, open(os.path.join(folder, "tokenizer.json"), "w"), ensure_ascii=False)
        json.dump({"architectures": ["BertModel" if kind == "encoder" else "BertForSequenceClassification"], "hidden_size": H, "num_attention_heads": A},
                  open(os.path.join(folder, "config.json"), "w"))
        golden[kind] = measure(folder, kind)
    safetensors(os.path.join(HERE, "tiny", "model.safetensors"), {k: v for k, v in w.items() if not k.startswith("score")})
    json.dump(golden, open(os.path.join(HERE, "tiny.json"), "w"), ensure_ascii=False, indent=0)


def real(name, folder, kind):
    path = os.path.join(HERE, "real.json")
    golden = json.load(open(path)) if os.path.exists(path) else {}
    golden[name] = measure(folder, kind)
    json.dump(golden, open(path, "w"), ensure_ascii=False, indent=0)


tiny() if sys.argv[1] == "tiny" else real(*sys.argv[2:])
