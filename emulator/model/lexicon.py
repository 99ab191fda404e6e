"""The few words the rules know beforehand: what carries no meaning, and what means nearly the same.

Everything else comes from the instructions, the tool definitions and the conversation.
"""


def word_list(text: str) -> tuple[str, ...]:
    """Return the words of *text*: a table that is read and kept in order more easily than a list of strings."""
    return tuple(text.split())


STOP_WORDS = frozenset(
    word_list("""a an the this that these those some any each every all both either neither such same other another
    i me my mine myself we us our ours you your yours yourself he him his she her hers it its itself they them
    their theirs one ones someone somebody anyone anybody everyone something anything
    am is are was were be been being do does did doing done have has had having can could shall should will
    would may might must ought let lets need needs
    what which who whom whose when where why how whether
    of in on at by to from for with about into onto over under than then as if so but and or nor not no yes
    because while until since during per via between among through against out up down off again
    there here now just only also too very really quite much many more most less few lot lots still yet even
    please tell give show explain describe know like want wish
    hi hello hey thanks thank ok okay well actually maybe perhaps kindly
    say says said ask asks asked asking question questions answer answers
    s t re ve ll d m don doesn didn isn aren wasn weren won wouldn couldn shouldn can't cannot whats
    thing things way kind sort exactly currently current today's got get gets getting
        take takes taken took go goes use used using happen happens often
        wie wer wo wann warum wieso welche welcher welches der das dem den ein eine einen ist sind und im um von zu für
        fur mit auf nicht sich wird kann comment quel quelle quels quelles où ou quand qui que quoi pourquoi combien le la
        les un une des du de est sont et au aux en dans pour sur avec ce cette il elle se qué quien quién cuál cual
        cuándo cuando dónde donde cuánto cuanto cuánta cuánto cuantos cómo como el los las una es y al del para con su
        кто что где когда как сколько это gibt es lautet lauten habe haben hat kann können ich du er wir ihr mein meine dein unser unsere bei nach über als wenn dass noch auch sind
        chi cosa dove quanto perché che di da per il lo gli è o""")
)

# Words that nearly every tool or agent description contains: no evidence for one tool against another.
TOOL_NOISE = frozenset(
    word_list("""agent agents assistant bot helper tool tools function functions api service call calls use uses used using
    user users return returns returned provide provides provided giv given get gets fetch fetches retrieve
    retrieves find finds look lookup up information info detail details data value values string number parameter
    parameters argument arguments input output help helps helpful handle handles request requests response
    responses result results question questions answer answers query queries full e.g example specific based job task
    role able make makes take takes ask asks asked about name""")
)

# Each line is one idea. The words are stemmed when the table is built.
_IDEAS = """
price cost costs fee fees charge rate priced expensive cheap
stock share shares ticker equity quote
weather forecast temperature rain rainy sunny snow snowing humid humidity umbrella wind windy cloudy climate condition hot cold warm celsius degrees storm
order orders purchase parcel package shipment delivery
ship shipped shipping deliver delivered delivery dispatch send sent
arrive arrival eta delivered
status state progress track tracking whereabouts
calculate calculator calculation compute arithmetic math maths mathematics expression formula evaluate sum
multiply multiplied product times
add plus sum addition total
divide divided quotient division
vacation holiday holidays leave pto
sick sickness ill illness medical
salary pay wage wages compensation payroll earnings paycheck
employee staff worker personnel colleague
manager boss supervisor lead head
ceo chief director executive
phone telephone call mobile hotline
email mail e-mail
address location located where situated
city town location place
country nation
open opens opening start starts begin
close closes closing end ends finish shut
hour hours time schedule timetable
lesson class course lecture
teacher instructor professor tutor
doctor physician medic dr
work works working duty shift roster
buy purchase order get acquire
sell sale sold
refund reimburse reimbursement reimbursed
return returns
cancel cancellation cancelled terminate
car vehicle auto automobile
laptop computer notebook pc device
device equipment hardware
inventory stock available availability
customer client
company firm corporation business organisation organization employer
invoice bill billing
account balance
password passcode credential pin
code key number pin
secret confidential
founder founded founders established establish created creator started
author wrote writer written
color colour
favourite favorite preferred
author writer wrote
film movie
dish meal recipe food cook cooking
spice seasoning ingredient
flight flights plane fly airline
hotel accommodation room stay lodging
train rail railway
trip journey travel
lawyer attorney counsel
contract agreement
law legal statute
planet world
moon satellite
star sun
distance far length
speed fast velocity
height tall high
weight heavy mass
size big large
age old
team club squad
score result goals points
win won winner victory champion
game match fixture play played
play player players
exchange convert conversion currency rate
currency money
translate translation translator
language tongue
meeting appointment event
deadline due
contact reach
warranty guarantee
repair fix
broken defective faulty
rule policy regulation
limit maximum max cap
minimum min least
allowance entitlement entitled allowed quota
baby parental maternity paternity
birthday born birth
wife husband spouse partner
child kid son daughter
home remote remotely
office workplace
floor storey level
datetime date time clock
discount reduction rebate
password login
member membership
loan credit mortgage
interest apr rate
document file
definition meaning mean define
synonym similar
remedy cure treatment
medicine drug medication
symptom sign
urgent emergency
summary summarise summarize
pet pets animal animals dog dogs cat cats
name names called named
calendar schedule event
product products item items goods
catalogue catalog products search
extension ext
vehicle parking park
issue issues problem problems trouble fault malfunction ticket tickets incident
smoke smoking cigarette vape
""".strip().splitlines()

# Question openers and what they ask for; the words on the right are matched like synonyms.
ASKED_BY_OPENER = {
    "how much": "price cost amount total fee",
    "how expensive": "price cost",
    "how far": "distance",
    "how old": "age years",
    "how tall": "height",
    "how long": "duration time",
    "how heavy": "weight mass",
    "how big": "size",
    "how fast": "speed",
    "how warm": "temperature weather",
    "how hot": "temperature weather",
    "how cold": "temperature weather",
    "do you have": "available stock product",
    "who runs": "manager head ceo",
    "who leads": "manager head lead",
    "what time": "time hour",
    "trading at": "stock price",
    "trade at": "stock price",
    "days off": "leave vacation",
    "day off": "leave vacation",
    "time off": "leave vacation",
    "do i need an umbrella": "weather rain",
}

NUMBER_WORDS = {
    word: value
    for value, word in enumerate(
        word_list("""zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
        seventeen eighteen nineteen""")
    )
} | {
    word: (place + 2) * 10
    for place, word in enumerate(word_list("twenty thirty forty fifty sixty seventy eighty ninety"))
}
SCALE_WORDS = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}

LANGUAGES = frozenset(
    word_list("""arabic bengali bulgarian chinese croatian czech danish dutch english estonian finnish french german greek
    hebrew hindi hungarian icelandic indonesian italian japanese korean latin latvian lithuanian norwegian
    persian polish portuguese romanian russian serbian slovak slovenian spanish swahili swedish thai turkish
    ukrainian vietnamese welsh""")
)

CURRENCIES = {
    "dollar": "USD", "dollars": "USD", "us dollars": "USD", "bucks": "USD", "$": "USD",
    "euro": "EUR", "euros": "EUR", "€": "EUR",
    "pound": "GBP", "pounds": "GBP", "pounds sterling": "GBP", "£": "GBP",
    "yen": "JPY", "¥": "JPY", "franc": "CHF", "francs": "CHF", "swiss francs": "CHF",
    "rupee": "INR", "rupees": "INR", "yuan": "CNY", "krona": "SEK", "kronor": "SEK",
    "kroner": "NOK", "zloty": "PLN", "real": "BRL", "peso": "MXN", "pesos": "MXN", "won": "KRW", "lira": "TRY",
}  # fmt: skip
CURRENCY_CODES = frozenset(
    word_list("""USD EUR GBP JPY CHF INR CNY SEK NOK DKK PLN CZK HUF RON BGN BRL MXN ARS CLP COP KRW TRY ZAR AUD NZD CAD
    SGD HKD THB IDR MYR PHP VND AED SAR ILS EGP NGN KES UAH RUB ISK BTC ETH""")
)

TICKERS = {
    "microsoft": "MSFT", "apple": "AAPL", "google": "GOOGL", "alphabet": "GOOGL", "amazon": "AMZN",
    "tesla": "TSLA", "nvidia": "NVDA", "meta": "META", "facebook": "META", "netflix": "NFLX", "intel": "INTC",
    "ibm": "IBM", "oracle": "ORCL", "adobe": "ADBE", "amd": "AMD", "salesforce": "CRM", "sap": "SAP",
}  # fmt: skip

IDEAS = tuple(tuple(line.split()) for line in _IDEAS)
