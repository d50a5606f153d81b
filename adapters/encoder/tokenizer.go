package encoder

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// wordpiece splits text into the numbered pieces that a BERT-like model was trained on. It reads the tokenizer.json of the
// Hugging Face tokenizers library: a BertNormalizer, a BertPreTokenizer and a WordPiece model. Special tokens that a text
// spells out, such as "[SEP]", are plain text here: what somebody wrote must not end a passage.
type wordpiece struct {
	vocab         map[string]int64
	continuing    string // prefix of a piece that does not begin a word
	longest       int    // characters of a word; longer ones are unknown
	lower, accent bool   // lower the case; drop accents
	spaced        bool   // Chinese characters are words of their own
	clean         bool   // drop control characters
	unknown       int64
	begin, end    int64 // [CLS] and [SEP]
}

// tokenizerFile is the part of tokenizer.json that counts. Padding and truncation are the caller's.
type tokenizerFile struct {
	Normalizer *struct {
		Type         string
		CleanText    bool  `json:"clean_text"`
		Chinese      bool  `json:"handle_chinese_chars"`
		StripAccents *bool `json:"strip_accents"`
		Lowercase    bool
	}
	PreTokenizer *struct{ Type string } `json:"pre_tokenizer"`
	Model        struct {
		Type    string
		Unknown string           `json:"unk_token"`
		Prefix  string           `json:"continuing_subword_prefix"`
		Longest int              `json:"max_input_chars_per_word"`
		Vocab   map[string]int64 `json:"-"`
		Raw     json.RawMessage  `json:"vocab"`
	}
}

// readTokenizer reads a tokenizer.json.
func readTokenizer(path string) (*wordpiece, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t, err := parseTokenizer(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

func parseTokenizer(raw []byte) (*wordpiece, error) {
	var f tokenizerFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("%w: the tokenizer is not JSON: %w", ErrFormat, err)
	}
	switch {
	case f.Model.Type != "WordPiece":
		return nil, fmt.Errorf("%w: a tokenizer of type %q: only WordPiece is supported", ErrFormat, f.Model.Type)
	case f.Normalizer == nil || f.Normalizer.Type != "BertNormalizer" || f.PreTokenizer == nil || f.PreTokenizer.Type != "BertPreTokenizer":
		return nil, fmt.Errorf("%w: the tokenizer does not split words as BERT does", ErrFormat)
	}
	if err := json.Unmarshal(f.Model.Raw, &f.Model.Vocab); err != nil {
		return nil, fmt.Errorf("%w: the tokenizer's vocabulary: %w", ErrFormat, err)
	}
	t := &wordpiece{vocab: f.Model.Vocab, continuing: f.Model.Prefix, longest: f.Model.Longest,
		lower: f.Normalizer.Lowercase, accent: f.Normalizer.Lowercase, spaced: f.Normalizer.Chinese, clean: f.Normalizer.CleanText}
	if f.Normalizer.StripAccents != nil {
		t.accent = *f.Normalizer.StripAccents
	}
	if t.longest <= 0 {
		t.longest = 100
	}
	for _, special := range []struct {
		token string
		into  *int64
	}{{f.Model.Unknown, &t.unknown}, {"[CLS]", &t.begin}, {"[SEP]", &t.end}} {
		n, ok := t.vocab[special.token]
		if !ok {
			return nil, fmt.Errorf("%w: the vocabulary lacks %q", ErrFormat, special.token)
		}
		*special.into = n
	}
	return t, nil
}

// pieces are the numbers of a text's pieces, without special tokens.
func (t *wordpiece) pieces(text string) []int64 {
	var ids []int64
	for _, word := range t.words(text) {
		ids = t.split(ids, word)
	}
	return ids
}

// words normalises a text and splits it at spaces and around punctuation.
func (t *wordpiece) words(text string) []string {
	if t.accent {
		text = norm.NFD.String(text)
	}
	if t.lower {
		text = strings.Map(unicode.ToLower, text)
	}
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range text {
		switch {
		case t.clean && (r == 0 || r == utf8.RuneError || control(r)), t.accent && unicode.Is(unicode.Mn, r):
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case punctuation(r) || t.spaced && chinese(r):
			b.WriteString(" " + string(r) + " ")
		default:
			b.WriteRune(r)
		}
	}
	return strings.Fields(b.String())
}

// split appends the pieces of a word: the longest that the vocabulary holds, then the longest of the rest. A word of which any
// part is unknown is unknown as a whole.
func (t *wordpiece) split(ids []int64, word string) []int64 {
	if utf8.RuneCountInString(word) > t.longest {
		return append(ids, t.unknown)
	}
	n, prefix := len(ids), ""
	for word != "" {
		end := len(word)
		for end > 0 {
			if id, ok := t.vocab[prefix+word[:end]]; ok {
				ids = append(ids, id)
				break
			}
			_, size := utf8.DecodeLastRuneInString(word[:end])
			end -= size
		}
		if end == 0 {
			return append(ids[:n], t.unknown)
		}
		word, prefix = word[end:], t.continuing
	}
	return ids
}

// control reports whether BERT drops a character: control, format, private and unassigned ones.
func control(r rune) bool {
	return !unicode.IsSpace(r) && !unicode.IsGraphic(r)
}

// punctuation reports whether a character stands alone: ASCII symbols too, "$" as well as ",".
func punctuation(r rune) bool {
	return r > 32 && r < 127 && !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z') || r > 127 && unicode.IsPunct(r)
}

// chinese reports whether a character lies in the blocks of CJK ideographs that BERT spaces out.
func chinese(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF || r >= 0x20000 && r <= 0x2A6DF ||
		r >= 0x2A700 && r <= 0x2B81F || r >= 0x2B820 && r <= 0x2CEAF || r >= 0xF900 && r <= 0xFAFF || r >= 0x2F800 && r <= 0x2FA1F
}
