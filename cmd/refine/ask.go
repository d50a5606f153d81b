package main

import (
	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/refine"
)

func (a *app) askCommand() *cobra.Command {
	var r integration.Request
	refinement := ""
	cmd := &cobra.Command{
		Use:   "ask QUESTION",
		Short: "Answer a question from the memories, with citations",
		Long: `Recalls the memories that answer a question and answers it from them. Without a language
model the answer quotes what was said, so that it works offline; with one (model.type)
the model writes it, and it is refined: specialists examine each draft against the
memories, and a revision is accepted only if a judge that is independent of its writer
finds it better.`,
		Example: `  refine ask "when are Jo and Dev going to the cottage?"
  refine ask "which foods must Nora not eat?" --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			open := a.look
			if r.Remember {
				open = a.open
			}
			p, err := open(cmd)
			if err != nil {
				return err
			}
			defer p.Close()
			r.Question, r.Refine = args[0], refine.Refinement(refinement)
			answer, err := p.Ask(cmd.Context(), r)
			if err != nil {
				return err
			}
			if a.json {
				return a.term.JSON(answer)
			}
			a.term.Printf("%s\n", ui.Clean(answer.Text))
			for _, c := range answer.Citations {
				a.term.Printf("%s %s\n", a.term.Paint(ui.Dim, "["+thousands(c.Number)+"]"), cut(a.term, said(&c.Memory), 6))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&refinement, "refine", "auto", "when the draft is refined: auto (unless it passes), always, off")
	cmd.Flags().BoolVar(&r.Remember, "remember", false, "write the question and the answer back as turns")
	return cmd
}
