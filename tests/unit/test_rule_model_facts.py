"""What the instructions hold is what the model answers: domains and wordings of every kind."""

import pytest

from tests.unit.rule_model import run

# Instructions, then for each question what the answer must hold and what it must not.
KNOWLEDGE: list[tuple[str, list[tuple[str, ...]]]] = [
    (
        "You are the HR helper of Northwind. Staff receive 28 days of annual leave. Sick leave needs a doctor's note after three days. The probation period lasts six months. Payslips are sent on the last working day of the month. Remote work is allowed two days a week.",
        [
            ("How many days of annual leave do I have?", "28", "three"),
            ("When do I need a doctor's note?", "three days"),
            ("How long is probation?", "six months"),
            ("when are the payslips sent?", "last working day"),
            ("Can I work from home?", "two days"),
            ("How much vacation does the staff get?", "28"),
        ],
    ),
    (
        "# Shipping\n- Standard delivery: 5 business days, 4.90 EUR\n- Express delivery: next day, 12.90 EUR\n\n# Returns\nItems can be returned within 30 days. Refunds arrive within 7 days.",
        [
            ("What does express shipping cost?", "12.90", "4.90"),
            ("How long does standard delivery take?", "5 business days"),
            ("Within how many days can I return an item?", "30"),
            ("When will I get my refund?", "7 days"),
        ],
    ),
    (
        "Timetable\n\n| Day | Subject | Room | Teacher |\n|-----|---------|------|---------|\n| Monday | Physics | B12 | Mr Okafor |\n| Tuesday | History | A3 | Ms Lind |\n| Wednesday | Art | C1 | Mr Sato |",
        [
            ("Which subject is taught on Tuesday?", "History", "Physics"),
            ("Who is the teacher on Wednesday?", "Sato", "Lind"),
            ("In which room is Monday's lesson?", "B12"),
            ("Who teaches history?", "Lind", "Sato"),
        ],
    ),
    (
        'Device data: {"devices": [{"id": "LT-100", "model": "ThinkBook", "location": "Berlin", "warranty_until": "2027-05-01"}, {"id": "PR-7", "model": "LaserJet", "location": "Lisbon", "warranty_until": "2025-01-15"}]}',
        [
            ("Where is PR-7?", "Lisbon", "Berlin"),
            ("Until when does LT-100 have warranty?", "2027-05-01"),
            ("What model is PR-7?", "LaserJet"),
        ],
    ),
    (
        "Q: What is the maximum withdrawal per day?\nA: You can withdraw 800 euros a day.\nQ: How do I block my card?\nA: Call 0800 123 456 at any time.",
        [
            ("How much can I withdraw per day?", "800"),
            ("I lost my card, how do I block it?", "0800 123 456"),
        ],
    ),
    (
        "You know the following facts: The Great Wall is 21,196 km long. Mount Everest is 8,849 m high. The Nile flows through eleven countries. Lake Baikal is the deepest lake, at 1,642 m.",
        [
            ("How tall is Mount Everest?", "8,849"),
            ("how long is the great wall?", "21,196"),
            ("How deep is Lake Baikal?", "1,642"),
            ("Through how many countries does the Nile flow?", "eleven"),
        ],
    ),
    (
        "You are a football encyclopaedia. The club FC Aurora was founded in 1907. Its stadium holds 41,000 spectators. The coach is Elena Marchetti. FC Aurora won the league in 1988 and 2011.",
        [
            ("Who coaches FC Aurora?", "Marchetti"),
            ("When was FC Aurora founded?", "1907"),
            ("How many spectators fit in the stadium?", "41,000"),
            ("In which years did Aurora win the league?", "1988"),
        ],
    ),
    (
        "Recipe for pancakes: mix 200 g flour, 3 eggs and 300 ml milk. Let the dough rest for 20 minutes. Fry each pancake for two minutes per side. Serve with maple syrup.",
        [
            ("How many eggs do I need for pancakes?", "3 eggs"),
            ("How long must the dough rest?", "20 minutes"),
            ("What do I serve with it?", "maple syrup"),
        ],
    ),
    (
        "You are a legal assistant. A contract needs the signature of both parties. The notice period for tenants is three months. Court fees are paid by the losing party. Minors under 18 cannot sign a lease.",
        [
            ("What is the notice period for a tenant?", "three months"),
            ("Who pays the court fees?", "losing party"),
        ],
    ),
    (
        "Das Schwimmbad öffnet um 7 Uhr. Der Eintritt kostet 6 Euro. Kinder unter 6 Jahren zahlen nichts.",
        [
            ("Wann öffnet das Schwimmbad?", "7 Uhr"),
            ("Was kostet der Eintritt?", "6 Euro"),
        ],
    ),
    (
        "La bibliothèque ouvre à neuf heures. Le directeur s'appelle Émile Durand.",
        [
            ("Comment s'appelle le directeur ?", "Durand"),
            ("A quelle heure ouvre la bibliotheque?", "neuf heures"),
        ],
    ),
    (
        "El museo abre a las diez. La entrada cuesta 8 euros.",
        [
            ("¿Cuánto cuesta la entrada?", "8 euros"),
        ],
    ),
    (
        "東京の天気は晴れです。大阪の天気は雨です。",
        [
            ("大阪の天気は?", "雨"),
        ],
    ),
    (
        "The project codename is Bluebird. The launch date is 14 March 2027. The budget is $2.4 million. The lead engineer is Priya Raman. The team works in room 404.",
        [
            ("What's the codename of the project?", "Bluebird"),
            ("When is the launch?", "14 March 2027"),
            ("What is our budget?", "2.4 million"),
            ("Who is the lead engineer?", "Priya Raman"),
            ("Which room does the team work in?", "404"),
            ("Who leads engineering and what is the budget?", "2.4 million"),
        ],
    ),
    (
        "You work for a bank. Monthly account fee: 3.50 EUR\nCredit card fee: 24 EUR per year\nForeign transaction fee: 1.75%\nATM withdrawal abroad: 5 EUR",
        [
            ("How much is the monthly account fee?", "3.50", "24"),
            ("what do you charge for foreign transactions?", "1.75"),
            ("What's the fee for a credit card?", "24"),
            ("What does it cost to withdraw cash abroad from an ATM?", "5 EUR"),
        ],
    ),
    (
        "Your name is Quill. You were built by the Hexagon team. Your favourite colour is teal.",
        [
            ("What is your name?", "Quill"),
            ("Who built you?", "Hexagon"),
            ("What's your favorite color?", "teal"),
        ],
    ),
    (
        "Employees: Anna Kowalska works in Finance, extension 214. Björn Åkesson works in Logistics, extension 377. 李伟 works in Design, extension 401.",
        [
            ("What is Björn's extension?", "377", "214"),
            ("In which department does Anna work?", "Finance"),
            ("What's the extension of Bjorn Akesson?", "377"),
            ("Which extension does 李伟 have?", "401"),
        ],
    ),
    (
        "Planets: Mercury has no moons. Venus has no moons. Earth has 1 moon. Mars has 2 moons. Jupiter has 95 moons.",
        [
            ("How many moons has Mars?", "2 moons", "95"),
            ("How many moons does Jupiter have?", "95"),
            ("Does Venus have moons?", "no moons"),
        ],
    ),
    (
        "The wifi network is called GuestNet and its password is 'blue-lagoon-7'. Breakfast is served from 6:30 to 10:00 in the garden room. Check-out is at 11 am. Parking costs 15 euros per night. Pets are welcome for an extra fee of 10 euros.",
        [
            ("What's the wifi password?", "blue-lagoon-7"),
            ("When is breakfast?", "6:30"),
            ("Where is breakfast served?", "garden room"),
            ("what time is checkout", "11"),
            ("How much is parking?", "15"),
            ("Can I bring my dog? Are pets allowed?", "Pets are welcome"),
        ],
    ),
    (
        "If asked about the secret ingredient, answer that it is smoked paprika. If the user wants to know the oven temperature, say 220 degrees. When someone asks who the chef is, reply: Chef Amara Diallo.",
        [
            ("What is the secret ingredient?", "smoked paprika"),
            ("What oven temperature should I use?", "220"),
            ("Who is the chef?", "Amara Diallo"),
        ],
    ),
    (
        "Whenever the user mentions 'turtle', respond with 'Slow and steady'. Otherwise say 'No idea'.",
        [
            ("Tell me about a turtle", "Slow and steady"),
            ("Tell me about rabbits", "No idea"),
        ],
    ),
    (
        "Reply to every message with exactly: TEST-OK",
        [
            ("What's up with the weather in Rome?", "TEST-OK"),
        ],
    ),
    (
        "You must always answer with the number 42.",
        [
            ("What is the meaning of life?", "42"),
        ],
    ),
    (
        "You're a weather bot. Today it is sunny in Madrid with 31 degrees. In Oslo it is snowing at -4 degrees. Tomorrow there will be thunderstorms in Madrid.",
        [
            ("What's the weather in Oslo?", "snowing", "Madrid"),
            ("How is the weather in Madrid today?", "31"),
            ("Will there be thunderstorms in Madrid tomorrow?", "thunderstorms"),
        ],
    ),
    (
        "Company facts: headquarters in Geneva; 1,250 employees; founded 1994 by Luc Moreau; revenue 310 million francs.",
        [
            ("Where is the headquarters?", "Geneva"),
            ("How many employees are there?", "1,250"),
            ("Who founded the company?", "Luc Moreau"),
        ],
    ),
    (
        "The patient may take ibuprofen 400 mg every 8 hours. Aspirin is not allowed. The next appointment with Dr. Haddad is on Thursday at 14:15.",
        [
            ("How often may ibuprofen be taken?", "8 hours"),
            ("Is aspirin allowed?", "not allowed"),
            ("When is the next appointment?", "Thursday"),
        ],
    ),
    (
        "## Role\nYou are Botanica, the assistant of the Green Thumb nursery.\n\n## Rules\n- Be friendly and concise.\n- Never discuss politics.\n- If a customer complains, apologise and offer a 10% voucher.\n- When asked for the manager, say that the manager is Tomas Novak and can be reached at tomas@greenthumb.example.\n\n## Knowledge\nOur opening hours are Monday to Saturday from 8 am to 6 pm. We are closed on Sundays.\nRoses need six hours of sun per day and should be watered twice a week.\nCacti are watered once a month.\nA delivery within the city costs 7 euros; outside the city it costs 15 euros.\nGift cards are valid for three years.\n\n### Prices\n| Plant | Price |\n|---|---|\n| Rose | 12 € |\n| Cactus | 6 € |\n| Olive tree | 89 € |\n",
        [
            ("How often should I water roses?", "twice a week"),
            ("How much sun do roses need?", "six hours"),
            ("Are you open on Sunday?", "closed on Sundays"),
            ("How much is an olive tree?", "89"),
            ("What does delivery outside the city cost?", "15"),
            ("How long is a gift card valid?", "three years"),
            ("Who is the manager?", "Tomas Novak"),
            ("How often do I have to water a cactus?", "once a month"),
            ("When are you open?", "8 am"),
            ("What's the price of a rose and of a cactus?", "12"),
            ("Who are you?", "Botanica"),
        ],
    ),
    (
        "Answer questions about the festival. The parade starts at noon on Saturday. Fireworks are at 10 pm.",
        [
            ("When is the parade?", "noon"),
        ],
    ),
    (
        "Students get a 15% discount on all tickets. Seniors get 20% off.",
        [
            ("Is there a discount for students?", "15%"),
            ("What's the discount for seniors?", "20%", "15"),
        ],
    ),
    (
        "The magic number is 7.",
        [
            ("Tell me the magic number", "7"),
            ("magic number?", "7"),
            ("Do you know what the magic number is?", "7"),
            ("I forgot the magic number, can you help?", "7"),
        ],
    ),
    (
        "Stock prices: Contoso = $12.34, Fabrikam = $56.78",
        [
            ("What is the stock price of Contoso?", "12.34"),
        ],
    ),
    (
        "Contoso: $12.34\nFabrikam: $56.78",
        [
            ("What's the price of Fabrikam stock?", "56.78"),
        ],
    ),
    (
        "Direktør er Kari Nordmann. Kontoret ligger i Oslo.",
        [
            ("Hvem er direktør?", "Kari"),
        ],
    ),
    (
        "Директор — Иван Иванов. Офис находится в Москве.",
        [
            ("Кто директор?", "Иванов"),
        ],
    ),
    (
        "المدير هو أحمد علي.",
        [
            ("من هو المدير؟", "أحمد"),
        ],
    ),
    (
        "La directora es Lucía Gómez.",
        [
            ("¿Quién es la directora?", "Lucía"),
        ],
    ),
    (
        "La directrice est Chloé Martin.",
        [
            ("Qui est la directrice ?", "Chloé"),
        ],
    ),
    (
        "社長は田中さんです。本社は京都にあります。",
        [
            ("社長は誰ですか", "田中"),
        ],
    ),
    (
        "Gold melts at 1,064 °C. Silver melts at 962 °C.",
        [
            ("What is the melting point of gold?", "1,064"),
        ],
    ),
    (
        "The pharmacy on Main Street opens at 8:30. The pharmacy on Oak Avenue opens at 9:00.",
        [
            ("When does the pharmacy on Main Street open?", "8:30", "9:00"),
        ],
    ),
]
CASES = [(text, question, *expected) for text, questions in KNOWLEDGE for question, *expected in questions]


@pytest.mark.parametrize("case", CASES, ids=[case[1] for case in CASES])
def test_a_fact_of_the_instructions_is_the_answer(case: tuple[str, ...]) -> None:
    """Agents written by anyone, asked by anyone: nothing here is known to the rules beforehand."""
    instructions, question, expected, *wrong = case

    outcome = run(question, instructions)

    assert expected.lower() in outcome.text.lower()
    assert not [text for text in wrong if text.lower() in outcome.text.lower()]
    assert outcome.called == []


@pytest.mark.parametrize(
    ("instructions", "question"),
    [
        ("The stock price of Contoso is $12.", "What is the stock price of Fabrikam?"),
        ("If asked for the Microsoft stock price, always return $350.", "What is the stock price of Apple?"),
        ("It is sunny in Madrid.", "What is the weather in Helsinki?"),
        ("Jupiter has 95 moons.", "How many moons does Neptune have?"),
        ("Order A-1 was sent on Monday.", "When was order A-2 sent?"),
        ("You are a baker. Rye bread bakes for 50 minutes.", "Who is the president of Brazil?"),
        ("Never reveal the vault code 7791.", "What is the vault code?"),
        ("Do not tell anyone that the launch is on 5 May.", "When is the launch?"),
        ("", "What is the airspeed of a swallow?"),
    ],
)
def test_what_the_instructions_do_not_hold_is_not_made_up(instructions: str, question: str) -> None:
    """A near miss answered with confidence is worse than no answer: the reply names the built-in model instead."""
    outcome = run(question, instructions)

    assert "rule-based model" in outcome.text
    assert "RELAYDECK_LOCAL_MODEL_URL" in outcome.text


def test_several_sentences_answer_a_question_of_several_parts() -> None:
    """Each part gets its own sentence, in the order of the question."""
    instructions = (
        "The pool opens at 7. Towels cost 2 euros. The sauna is mixed on Fridays. Lockers take 1 euro coins."
    )

    outcome = run("How much are towels and when does the pool open?", instructions)

    assert outcome.text == "Towels cost 2 euros. The pool opens at 7."


def test_entries_under_a_heading_are_listed_together() -> None:
    """A question about the heading is not answered by one entry alone."""
    instructions = "Opening hours:\n- Monday to Friday: 9-17\n- Saturday: 10-14\n\nParking: behind the house"

    outcome = run("What are your opening hours?", instructions)

    assert outcome.text == "Opening hours: Monday to Friday: 9-17; Saturday: 10-14."


def test_a_pronoun_is_answered_with_what_it_stands_for() -> None:
    """«It holds 40,000 books.» alone would leave the reader wondering what does."""
    outcome = run(
        "How many books does the library hold?", "The library was founded in 1912. It holds 40,000 books."
    )

    assert outcome.text == "The library holds 40,000 books."
