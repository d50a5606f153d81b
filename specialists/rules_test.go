package specialists_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/trm-go/refiner/specialists"
)

func ExampleRelate() {
	january, march := time.Date(2024, 1, 10, 0, 0, 0, 0, time.UTC), time.Date(2024, 3, 5, 0, 0, 0, 0, time.UTC)
	v := specialists.Relate(
		specialists.Said{Text: "I live in Berlin.", Speaker: "Ana", At: january},
		specialists.Said{Text: "I moved to Lisbon last month.", Speaker: "Ana", At: march})
	fmt.Println(v.Relation, "-", v.Why)
	// Output: updates - another value
}

// TestRelate holds what the rules were made with besides the suite: every case is one that a rule stands for.
func TestRelate(t *testing.T) {
	january, march := time.Date(2024, 1, 10, 0, 0, 0, 0, time.UTC), time.Date(2024, 3, 5, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		want specialists.Relation
		a, b string
	}{
		{specialists.Same, "The letter was written by Eva.", "Eva wrote the letter."},
		{specialists.Same, "I am intolerant to nuts.", "I have a nut intolerance."},
		{specialists.Same, "The film lasts 120 minutes.", "The film lasts 2 hours."},
		{specialists.Same, "My mother is named Ilse.", "My mother's name is Ilse."},
		{specialists.Same, "I have a parrot called Kiko.", "My parrot is called Kiko."},
		{specialists.Same, "My flight departs at 6:30 pm.", "My flight leaves at 18:30."},
		{specialists.Same, "I live at 3 Mill Lane.", "My address is 3 Mill Lane."},
		{specialists.Same, "The budget is 2.5 million dollars.", "The budget is $2,500,000."},
		{specialists.Same, "English is taught in the school.", "The school teaches English."},
		{specialists.Same, "Uncle Joe passed away in 2003.", "Uncle Joe died in 2003."},
		{specialists.Same, "I do not smoke.", "I don't smoke."},
		{specialists.Same, "My car is red.", "Ana's car is red."},
		{specialists.Apart, "He bought it yesterday.", "He bought it yesterday."},
		{specialists.Contradicts, "The bus always stops here.", "The bus never stops here."},
		{specialists.Contradicts, "Nobody liked the film.", "Everybody liked the film."},
		{specialists.Contradicts, "I have seen Alien.", "I have not seen Alien."},
		{specialists.Contradicts, "The height of the tower is 90 m.", "The height of the tower is 120 m."},
		{specialists.Contradicts, "The bank is open on Saturdays.", "The bank is not open on Saturdays."},
		{specialists.Contradicts, "We got married in 2010.", "We got married in 2012."},
		{specialists.Contradicts, "I was born in 1990.", "I was born in 1991."},
		{specialists.Contradicts, "Carl graduated in 2015.", "Carl graduated in 2016."},
		{specialists.Contradicts, "I enjoy opera.", "I detest opera."},
		{specialists.Contradicts, "I have no siblings.", "I have two siblings."},
		{specialists.Contradicts, "I eat all vegetables except okra.", "I eat okra."},
		{specialists.Contradicts, "Maria bought a boat in June 2021.", "Maria bought a boat in August 2021."},
		{specialists.Contradicts, "My cat's name is Luna.", "My cat's name is Nala."},
		{specialists.Contradicts, "I have never eaten oysters.", "I ate oysters in 2015."},
		{specialists.Contradicts, "I have never worked in a bar.", "I worked in a bar for two years."},
		{specialists.Contradicts, "The train arrived before noon.", "The train arrived after noon."},
		{specialists.Contradicts, "The jar contains 5 g of salt.", "Correction: the jar contains 8 g of salt."},
		{specialists.Contradicts, "The twins are called Ida and Max.", "The twins are called Ida and Tom."},
		{specialists.Contradicts, "The parcel was delivered on March 1.", "The parcel was delivered on March 4."},
		{specialists.Contradicts, "Eva visited her aunt last May.", "Eva did not visit her aunt last May."},
		{specialists.Contradicts, "I always lock the door.", "I never lock the door."},
		{specialists.Contradicts, "Kim beat the record.", "Kim did not beat the record."},
		{specialists.Contradicts, "Carl accepted the invitation from Lidl.", "Carl declined the invitation from Lidl."},
		{specialists.Contradicts, "I paid 20 euros for the book.", "I paid 25 euros for the book."},
		{specialists.Contradicts, "I love running.", "I can't stand running."},
		{specialists.Contradicts, "The twins are named Ida and Max.", "The twins are named Eda and Max."},
		{specialists.Contradicts, "Leo is right-handed.", "Leo is left-handed."},
		{specialists.Contradicts, "Lima is the capital of Chile.", "Santiago is the capital of Chile."},
		{specialists.Contradicts, "The key is under the mat.", "The key is not under the mat."},
		{specialists.Contradicts, "Rome lies south of Milan.", "Rome lies north of Milan."},
		{specialists.Contradicts, "I took the 9:15 train yesterday.", "No, I took the 9:45 train."},
		{specialists.Contradicts, "I have been married.", "I have never been married."},
		{specialists.Contradicts, "My mother's name is Ada.", "My mother's name is Eda."},
		{specialists.Contradicts, "Grandpa was born in Oslo.", "Grandpa was born in Bergen."},
		{specialists.Contradicts, "I swim every day.", "I never swim."},
		{specialists.Contradicts, "I like my new job.", "I hate my new job."},
		{specialists.Contradicts, "The exam was easy.", "The exam was not easy."},
		{specialists.Contradicts, "Leo is my brother.", "Leo is not my brother."},
		{specialists.Contradicts, "She studied law.", "She did not study law."},
		{specialists.Contradicts, "Tina's laptop has 8 GB of memory.", "I was wrong, Tina's laptop has 16 GB of memory."},
		{specialists.Contradicts, "The code of the door is 4711.", "No, the code of the door is 4117, sorry."},
		{specialists.Contradicts, "Everyone agreed with the plan.", "Nobody agreed with the plan."},
		{specialists.Contradicts, "The cup is empty.", "The cup is not empty."},
		{specialists.Contradicts, "Tea has no caffeine.", "Tea has caffeine."},
		{specialists.Contradicts, "I am a doctor.", "I am not a doctor."},
		{specialists.Contradicts, "Dan lost the match.", "Dan won the match."},
		{specialists.Contradicts, "Dan has a sister.", "Dan doesn't have a sister."},
		{specialists.Contradicts, "The Nile is 6650 km long.", "Actually the Nile is 5650 km long."},
		{specialists.Contradicts, "Bob said that he was in Rome in May.", "Bob was not in Rome in May."},
		{specialists.Contradicts, "Adam can swim.", "Adam can not swim."},
		{specialists.Contradicts, "The store sells fish.", "The store doesn't sell fish."},
		{specialists.Contradicts, "We don't have any pets.", "We have two pets."},
		{specialists.Contradicts, "My son was born on April 2, 2019.", "My son was born on April 12, 2019."},
		{specialists.Contradicts, "Dad died before the war.", "Dad died after the war."},
		{specialists.Contradicts, "It took 3 days to paint the room.", "It took 5 days to paint the room."},
		{specialists.Contradicts, "I ran a marathon in 4 hours on June 2.", "I ran a marathon in 5 hours on June 2."},
		{specialists.Contradicts, "The gate code is lily12.", "I was wrong, the gate code is lily21."},
		{specialists.Contradicts, "The user name is lily.", "I was mistaken, the user name is rose."},
		{specialists.Contradicts, "Canberra lies on the coast.", "Actually, Canberra does not lie on the coast."},
		{specialists.Contradicts, "The bus leaves at 8:10.", "Correction: the bus leaves at 8:20, I misread it."},
		{specialists.Contradicts, "The laptop has 4 ports.", "No, the laptop has 6 ports, not 4."},
		{specialists.Contradicts, "We paid 300 euros for the chair.", "Sorry, we paid 350 euros for the chair."},
		{specialists.Contradicts, "Tim's father is called Jon.", "Tim's father is called Jens."},
		{specialists.Contradicts, "The distance to the station is 2 km.", "The distance to the station is 4 km."},
		{specialists.Contradicts, "My birthplace is Oslo.", "My birthplace is Bergen."},
		{specialists.Contradicts, "Max has never visited Spain.", "Max visited Spain in 2019."},
		{specialists.Contradicts, "The way from school to work is 3 km.", "The way from school to work is not 3 km."},
		{specialists.Same, "Ivy has a walk to school of 3 km.", "Ivy's walk to school is 3 km."},
		{specialists.Same, "My son still plays the drums.", "My son plays the drums."},
		{specialists.Same, "The concert was on May 3.", "On May 3 was the concert."},
		{specialists.Same, "Hi! My shoe size is 42.", "My shoe size is 42, by the way."},
		{specialists.Same, "I've owned this bike for three years.", "I have owned this bike for 3 years."},
		{specialists.Same, "The dog is called Bo.", "Bo is the dog's name."},
		{specialists.Same, "On Fridays the pool is closed.", "The pool is closed on Fridays."},
		{specialists.Same, "The boat costs 1.5 million euros.", "The boat costs €1,500,000."},
		{specialists.Same, "Eva bought a car in 2018.", "Eva purchased a car in 2018."},
		{specialists.Same, "Last winter I visited Rome.", "I visited Rome last winter."},
		{specialists.Contradicts, "We drove to Bonn last March.", "We did not drive to Bonn last March."},
		{specialists.Contradicts, "Iris failed the course.", "Iris passed the course."},
		{specialists.Contradicts, "Iris adopted a cat in March 2021.", "Iris adopted a cat in August 2021."},
		{specialists.Contradicts, "I have watched Heat.", "I have not watched Heat."},
		{specialists.Contradicts, "I always take the bus to school.", "I never take the bus to school."},
		{specialists.Contradicts, "Nobody came to dinner.", "Everybody came to dinner."},
		{specialists.Contradicts, "Hates tomato soup.", "Loves tomato soup."},
		{specialists.Contradicts, "The party was on June 4, 2022.", "The party was on June 11, 2022."},
		{specialists.Contradicts, "Iris has no brothers.", "Iris has two brothers."},
		{specialists.Contradicts, "The gallery is open on Mondays.", "The gallery is not open on Mondays."},
		{specialists.Contradicts, "My rabbit's name is Bo.", "My rabbit's name is Flo."},
		{specialists.Contradicts, "Iris plays the flute.", "Iris does not play the flute."},
		{specialists.Contradicts, "Wow, great. Iris's sons are named Bo and Flo.", "Iris's sons are named Jo and Flo, I believe."},
		{specialists.Contradicts, "I have been a nurse for seven years.", "I have not been a nurse for seven years."},
		{specialists.Contradicts, "I have never driven.", "I drove for ten years."},
		{specialists.Contradicts, "I swam 1 km on January 8.", "I swam 2 km on January 8."},
		{specialists.Contradicts, "I have never been to Malta.", "I have been to Malta."},
		{specialists.Contradicts, "Oma died in 1998.", "Oma died in 2001."},
		{specialists.Updates, "I own a boat.", "I sold the boat."},
		{specialists.Updates, "Eva works at Google.", "Eva left Google and works at Meta now."},
		{specialists.Updates, "The launch is on June 1.", "The launch was postponed to July 1."},
		{specialists.Updates, "My password is hunter2.", "I changed my password to hunter3."},
		{specialists.Updates, "I live with my parents.", "I don't live with my parents anymore."},
		{specialists.Updates, "The budget is 5000 euros.", "The budget was increased to 6000 euros."},
		{specialists.Updates, "Eva is pregnant.", "Eva is no longer pregnant."},
		{specialists.Updates, "I play chess on Fridays.", "I quit chess."},
		{specialists.Updates, "The report is not ready.", "The report is ready."},
		{specialists.Updates, "I go to yoga twice a week.", "I go to yoga four times a week now."},
		{specialists.Updates, "My boss is Carla.", "My boss is now Dirk."},
		{specialists.Apart, "I have a son.", "I have a daughter."},
		{specialists.Apart, "Eva likes jazz.", "Eva likes rock."},
		{specialists.Apart, "My son is 5.", "My daughter is 7."},
		{specialists.Apart, "I met Carl in Paris.", "I met Carl in Rome."},
		{specialists.Apart, "Tom met Ben.", "Ben met Tom."},
		{specialists.Apart, "I saw Eva on Monday.", "I saw Eva on Friday."},
		{specialists.Apart, "The kitchen is closed on Sundays.", "The bar is open on Sundays."},
		{specialists.Apart, "Version 1 has 3 bugs.", "Version 2 has 5 bugs."},
		{specialists.Apart, "I want to learn Greek.", "I speak French."},
	} {
		got := specialists.Relate(specialists.Said{Text: c.a, Speaker: "Ana", At: january}, specialists.Said{Text: c.b, Speaker: "Ana", At: march})
		if got.Relation != c.want {
			t.Errorf("Relate(%q, %q) = %s (%s), want %s", c.a, c.b, got.Relation, got.Why, c.want)
		}
	}
}

// FuzzRelate holds that any two texts have a relation.
func FuzzRelate(f *testing.F) {
	f.Add("I live in Berlin.", "I moved to Lisbon.")
	f.Add("No, the server has 32 GB of memory, not 16 GB.", "instead of \xff except, and it’s n't")
	f.Fuzz(func(t *testing.T, a, b string) {
		at := time.Date(2024, 1, 10, 0, 0, 0, 0, time.UTC)
		p, q := specialists.Parse(specialists.Said{Text: a, Speaker: "Ana", At: at}), specialists.Parse(specialists.Said{Text: b, Speaker: "Ana", At: at})
		switch v := p.Relate(q); v.Relation {
		case specialists.Apart, specialists.Same, specialists.Updates, specialists.Contradicts:
		default:
			t.Fatalf("Relate(%q, %q) = %q", a, b, v.Relation)
		}
	})
}
