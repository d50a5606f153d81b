package sudoku

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
)

// Puzzle is one line of a data set.
type Puzzle struct {
	Source   string // where it comes from
	Question Grid
	Answer   Grid // all blank if the file has none
	Rating   int  // guesses that a solver of naked and hidden singles needs; -1 if the file has none
}

// header is the first line of a data set in the form of Sudoku-Extreme.
var header = []string{"source", "question", "answer", "rating"}

// ReadCSV reads the puzzles of a CSV file. Its first line names the columns: question (or puzzle, quizzes) is needed; source,
// answer (or solution, solutions) and rating may be missing, and others are passed over. It ends at the first error, which
// names the line. Grids are read, and their answers compared with their givens; they are not solved.
func ReadCSV(r io.Reader) ([]Puzzle, error) {
	lines := csv.NewReader(r)
	lines.ReuseRecord = true
	first, err := lines.Read()
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: the file is empty", ErrSyntax)
	}
	if err != nil {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	column := columnsOf(first)
	if _, ok := column["question"]; !ok {
		return nil, fmt.Errorf("%w: the first line names no column %q; want %s", ErrSyntax, "question", strings.Join(header, ","))
	}
	var puzzles []Puzzle
	for {
		record, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return puzzles, nil
		}
		if err != nil {
			return puzzles, err
		}
		p, err := parseRecord(record, column)
		if err != nil {
			line, _ := lines.FieldPos(0)
			return puzzles, fmt.Errorf("line %d: %w", line, err)
		}
		puzzles = append(puzzles, p)
	}
}

// columnNames are what data sets call their columns.
var columnNames = map[string]string{
	"question": "question", "puzzle": "question", "puzzles": "question", "quiz": "question", "quizzes": "question",
	"answer": "answer", "solution": "answer", "solutions": "answer", "source": "source", "rating": "rating",
}

// columnsOf finds the columns by their names.
func columnsOf(header []string) map[string]int {
	column := map[string]int{}
	for i, name := range header {
		if known := columnNames[strings.ToLower(strings.Trim(name, "\ufeff \t\r\""))]; known != "" {
			column[known] = i
		}
	}
	return column
}

// parseRecord reads one line.
func parseRecord(record []string, column map[string]int) (Puzzle, error) {
	field := func(name string) string {
		if i, ok := column[name]; ok {
			return strings.TrimSpace(record[i])
		}
		return ""
	}
	p := Puzzle{Source: strings.Clone(field("source")), Rating: -1}
	var err error
	if p.Question, err = Parse(field("question")); err != nil {
		return Puzzle{}, fmt.Errorf("question: %w", err)
	}
	if text := field("answer"); text != "" {
		if p.Answer, err = Parse(text); err != nil {
			return Puzzle{}, fmt.Errorf("answer: %w", err)
		}
		if !p.Answer.Answers(p.Question) {
			return Puzzle{}, fmt.Errorf("answer: %w: it breaks the rules or changes a given", ErrConflict)
		}
	}
	if text := field("rating"); text != "" {
		if p.Rating, err = strconv.Atoi(text); err != nil || p.Rating < 0 {
			return Puzzle{}, fmt.Errorf("rating: %w: %q is no count of guesses", ErrSyntax, text)
		}
	}
	return p, nil
}

// WriteCSV writes puzzles in the form of Sudoku-Extreme, and stops at the first error of the sequence or the writer.
// An unknown answer or rating is left empty.
func WriteCSV(w io.Writer, puzzles iter.Seq2[Puzzle, error]) error {
	lines := csv.NewWriter(w)
	if err := lines.Write(header); err != nil {
		return err
	}
	for p, err := range puzzles {
		if err != nil {
			lines.Flush()
			return err
		}
		record := []string{p.Source, p.Question.String(), "", ""}
		if p.Answer.Full() {
			record[2] = p.Answer.String()
		}
		if p.Rating >= 0 {
			record[3] = strconv.Itoa(p.Rating)
		}
		if err := lines.Write(record); err != nil {
			return err
		}
	}
	lines.Flush()
	return lines.Error()
}
