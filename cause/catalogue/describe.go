package catalogue

import (
	_ "embed"
	"encoding/json"
	"sync"
)

// english is generated from the causes' own documentation by internal/docgen; chinese is written by hand, and a test holds it to the list.
//
//go:embed english.json
var english []byte

//go:embed chinese.json
var chinese []byte

var descriptions = sync.OnceValue(func() (byLanguage [2]map[string]string) {
	for i, content := range [][]byte{english, chinese} {
		if err := json.Unmarshal(content, &byLanguage[i]); err != nil {
			panic(err) // they are embedded above, and tested
		}
		delete(byLanguage[i], "_") // the note that it is generated
	}
	return byLanguage
})

// Describe says what a cause is, in a paragraph of English and a sentence of Chinese; "" for one that the catalogue does not have.
// Safe for concurrent use.
func Describe(id string) (inEnglish, inChinese string) {
	all := descriptions()
	return all[0][id], all[1][id]
}
