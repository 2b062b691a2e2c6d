"""Companies for the laws of matching: few enough values that records meet."""

from hypothesis import strategies as st

from crmsync.core.match import Candidate, traits_of
from crmsync.core.model import LIKELY, Compare, Match

RULE = Match(
    decide=(("ico",),),
    compare=(
        Compare("name", "company"),
        Compare("vat", "company_id"),
        Compare("web", "domain"),
        Compare("mail", "email"),
        Compare("phone", "phone"),
        Compare("city", "text"),
    ),
    link_at=LIKELY[0],
    review_at=LIKELY[1],
)
NAMES = [
    "Kovotrans Žilina s.r.o.", "KOVOTRANS ZILINA", "Kovotrans Holding a.s.", "Novák a syn", "Novak & syn, s. r. o.",
    "Bank of the West", "Bank of the East", "Fond IV", "Fond VI", "Łódzkie Zakłady S.A.", "Газпром", "",
]  # fmt: skip
records = st.fixed_dictionaries(
    {},
    optional={
        "ico": st.sampled_from(["31333532", "00000000", "36421928"]),
        "name": st.sampled_from(NAMES),
        "vat": st.sampled_from(["CZ25788001", "SK2020361068", "12345678"]),
        "web": st.sampled_from(["kovotrans.sk", "https://www.novak.cz/kontakt", "gmail.com"]),
        "mail": st.sampled_from(["info@kovotrans.sk", "jan@gmail.com"]),
        "phone": st.sampled_from(["+421 905 123 456", "0905123456", "02/1234567"]),
        "city": st.sampled_from(["Žilina", "Praha"]),
    },
)
crowds = st.lists(records, max_size=8)


def crowd(values, offset=0, rule=RULE):
    return [Candidate((number + offset,), traits_of(rule, each)) for number, each in enumerate(values)]
