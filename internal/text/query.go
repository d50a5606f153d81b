package text

import "strings"

// longestQuery is how much of a question is searched for, in bytes. Pasted documents are longer than any index needs.
const longestQuery = 4 << 10

// Query is a question without what the query language refuses or takes for its own: quotes, asterisks, leading minus signs,
// zero bytes and what is no UTF-8. Of a long text it is only the beginning.
func Query(question string) string {
	words := strings.FieldsFunc(strings.ToValidUTF8(question[:min(len(question), longestQuery)], ""), func(r rune) bool {
		return strings.ContainsRune(" \t\r\n\x00\"*“”„", r)
	})
	for i, w := range words {
		words[i] = strings.TrimLeft(w, "-")
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}
