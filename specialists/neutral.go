package specialists

import "strings"

// leads are what an answer says before what it has to say.
var leads = [][]string{
	{"according", "to", "*", ","}, {"based", "on", "*", ","}, {"from", "your", "*", ","}, {"as", "far", "as", "i", "know"},
	{"you", "*", "me", "that"}, {"you", "*", "that"}, {"you", "told", "me"}, {"you", "mentioned"}, {"you", "said"},
	{"i", "remember", "that"}, {"i", "remember"}, {"i", "recall", "that"}, {"i", "recall"}, {"i", "know", "that"}, {"i", "think", "that"},
	{"i", "think"}, {"i", "believe", "that"}, {"i", "believe"}, {"your", "memories", "*", "that"}, {"the", "memories", "*", "that"},
	{"it", "*", "that"}, {"as", "you", "*", ","}, {"in", "fact"}, {"of", "course"}, {"yes"}, {"no"}, {"well"}, {"sure"}, {"that"},
}

var saying = set(`said told mentioned say mention wrote noted shared explained confirmed memories memory records notes notebook what
	messages conversations seems appears`)

// dropLead drops what leads into a clause from its tokens: "According to your notes, …".
func (p *passage) dropLead() {
	for again := true; again; {
		again = false
		for _, l := range leads {
			n := leadLength(p.toks, l)
			if n > 0 && n < len(p.toks) {
				p.toks, p.used = p.toks[n:], p.used[n:]
				p.drop(n)
				p.verb = verbIn(p.toks, 0, len(p.toks))
				p.main = p.mainVerb()
				p.subject = nil
				if p.verb > 0 {
					p.subject = p.toks[:p.verb]
				}
				again = len(l) > 1
				break
			}
		}
	}
}

// drop shifts the values of a clause by the n tokens that it lost, and forgets those among them.
func (p *passage) drop(n int) {
	numbers, whens, at := p.numbers[:0:0], p.whens[:0:0], p.whenAt[:0:0]
	for _, q := range p.numbers {
		if q.at -= n; q.at >= 0 {
			numbers = append(numbers, q)
		}
	}
	for i, w := range p.whens {
		if p.whenAt[i] >= n {
			whens, at = append(whens, w), append(at, p.whenAt[i]-n)
		}
	}
	p.numbers, p.whens, p.whenAt = numbers, whens, at
}

func leadLength(toks []token, l []string) int {
	i := 0
	for k, w := range l {
		if w == "," {
			for j := i; j < len(toks) && j < i+4; j++ {
				if toks[j].comma {
					return j
				}
			}
			return 0
		}
		if i >= len(toks) {
			return 0
		}
		if w == "*" {
			found := false
			for j := i; j < len(toks) && j < i+4; j++ {
				found = found || saying[toks[j].low]
				if found && k+1 < len(l) && (l[k+1] == "," && j+1 < len(toks) && toks[j+1].comma || l[k+1] == toks[min(j+1, len(toks)-1)].low) {
					i = j + 1
					break
				}
			}
			if !found {
				return 0
			}
			continue
		}
		if toks[i].low != w {
			return 0
		}
		i++
	}
	if len(l) == 1 && i < len(toks) && !toks[i].comma && l[0] != "that" {
		return 0
	}
	return i
}

// neutral gives the reason if a clause states nothing that could be checked; "" if it does.
func neutral(p *passage) string {
	if p.question {
		return "a question states nothing"
	}
	lows := make([]string, len(p.toks))
	for i, t := range p.toks {
		lows[i] = t.low
	}
	line := " " + strings.ReplaceAll(strings.ReplaceAll(strings.Join(lows, " "), "n't", " not"), "’", "'") + " "
	if strings.HasPrefix(line, " the puzzle has no solution ") || strings.HasPrefix(line, " the puzzle has more than one solution ") {
		return "a puzzle is checked by its rules"
	}
	for _, s := range ignorance {
		if strings.Contains(line, s) {
			return "it says that something is not known"
		}
	}
	for _, s := range courtesies {
		if len(p.names)+len(p.numbers)+len(p.whens) == 0 && strings.HasPrefix(line, s) {
			return "a courtesy states nothing"
		}
	}
	for _, t := range p.toks {
		if hedges[t.low] && !(t.low == "may" && t.capital) {
			return "a possibility, or advice"
		}
	}
	if len(lows) <= 6 && len(p.numbers) == 0 && len(p.whens) == 0 && len(p.names) == 0 {
		plain, opinion := 0, false
		for _, t := range p.toks {
			opinion = opinion || opinions[t.low]
			if t.stem != "" && !opinions[t.low] {
				plain++
			}
		}
		if opinion && plain <= 1 {
			return "an opinion states nothing that could be checked"
		}
	}
	return ""
}

var hedges = set(`might may could would should maybe perhaps possibly probably presumably likely unlikely if unless whether`)

var opinions = set(`great lovely nice wonderful good sorry exciting congratulations amazing perfect awesome interesting sweet
	delightful fantastic fun glad happy welcome cheers bye goodbye hello hi hey thanks`)

// ignorance are the ways to say that one does not know.
var ignorance = []string{" not know", " not sure", " not certain", " no information", " no record", " no memory", " no memories",
	" not have any information", " not have that", " not have any record", " not have any memor", " not have enough", " not mention", " not mentioned", " not been mentioned",
	" not say", " not tell me", " not told me", " not recall", " not remember", " unknown ", " cannot tell", " cannot say", " cannot find", " could not find", " can not find",
	" no mention of", " nothing about", " not specified", " unclear ", " not aware", " not find", " no idea", " never mentioned", " never said", " never told", " not recorded", " not stated"}

// courtesies begin what an assistant says besides.
var courtesies = []string{" let me ", " i hope", " i can ", " i will ", " i'll ", " i'd ", " i would", " i ca not ", " i cannot ", " i wo not ", " i will not ", " i am sorry", " i'm sorry", " i am glad", " i'm glad", " i'm happy",
	" i am happy", " shall i", " feel free", " please ", " thank", " you can ", " you could", " you are welcome", " you're welcome",
	" happy to", " here is ", " here's ", " here are ", " would you", " do you", " enjoy ", " good luck", " hello", " hi ", " of course ", " have a ", " i see ", " i understand", " i am here", " i'm here", " sure "}
