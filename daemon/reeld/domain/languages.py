"""Names languages by the shortest tag of BCP 47."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

# ISO 639-1, and the codes of ISO 639-2 that stand for the same language (terminology/bibliography).
_SHORT = """
    aa=aar ab=abk ae=ave af=afr ak=aka am=amh an=arg ar=ara as=asm av=ava ay=aym az=aze ba=bak
    be=bel bg=bul bi=bis bm=bam bn=ben bo=bod/tib br=bre bs=bos ca=cat ce=che ch=cha co=cos cr=cre
    cs=ces/cze cu=chu cv=chv cy=cym/wel da=dan de=deu/ger dv=div dz=dzo ee=ewe el=ell/gre en=eng
    eo=epo es=spa et=est eu=baq/eus fa=fas/per ff=ful fi=fin fj=fij fo=fao fr=fra/fre fy=fry ga=gle
    gd=gla gl=glg gn=grn gu=guj gv=glv ha=hau he=heb hi=hin ho=hmo hr=hrv ht=hat hu=hun hy=arm/hye
    hz=her ia=ina id=ind ie=ile ig=ibo ii=iii ik=ipk io=ido is=ice/isl it=ita iu=iku ja=jpn jv=jav
    ka=geo/kat kg=kon ki=kik kj=kua kk=kaz kl=kal km=khm kn=kan ko=kor kr=kau ks=kas ku=kur kv=kom
    kw=cor ky=kir la=lat lb=ltz lg=lug li=lim ln=lin lo=lao lt=lit lu=lub lv=lav mg=mlg mh=mah
    mi=mao/mri mk=mac/mkd ml=mal mn=mon mr=mar ms=may/msa mt=mlt my=bur/mya na=nau nb=nob nd=nde
    ne=nep ng=ndo nl=dut/nld nn=nno no=nor nr=nbl nv=nav ny=nya oc=oci oj=oji om=orm or=ori os=oss
    pa=pan pi=pli pl=pol ps=pus pt=por qu=que rm=roh rn=run ro=ron/rum ru=rus rw=kin sa=san sc=srd
    sd=snd se=sme sg=sag sh=hbs si=sin sk=slk/slo sl=slv sm=smo sn=sna so=som sq=alb/sqi sr=srp
    ss=ssw st=sot su=sun sv=swe sw=swa ta=tam te=tel tg=tgk th=tha ti=tir tk=tuk tl=tgl tn=tsn
    to=ton tr=tur ts=tso tt=tat tw=twi ty=tah ug=uig uk=ukr ur=urd uz=uzb ve=ven vi=vie vo=vol
    wa=wln wo=wol xh=xho yi=yid yo=yor za=zha zh=chi/zho zu=zul
"""

# Languages without a code of two letters that subtitles are in (ISO 639-2 and 639-3). The other 7,000 are left out:
# their codes are words, such as "and", "sub" and "the".
_LONG = """
    arz ast ceb chr cmn cnr crh csb dsb fil frr fur grc gsw haw hmn hsb kab kok lad mai mni mul mwl nan nap nds pap sat
    scn sco syr tet tlh tok vec wuu yue
"""

# What people write instead of a code: clients for subtitles, fansub groups, and countries that are no language's code.
_HABITS = """
    pob=pt-BR pb=pt-BR chs=zh-Hans zhs=zh-Hans cht=zh-Hant zht=zh-Hant jp=ja jap=ja cz=cs ua=uk dk=da gr=el cn=zh iw=he
    esp=es
"""

# Breton, Kanuri, Northern Sami, Twi, Chamorro, or Brazil, Korea, Sweden, Taiwan, China.
_UNCERTAIN = frozenset({"br", "kr", "se", "tw", "ch"})

_NAMES = """
    afrikaans=af albanian=sq amharic=am arabic=ar armenian=hy azerbaijani=az basque=eu belarusian=be bengali=bn
    bosnian=bs breton=br bulgarian=bg burmese=my cantonese=yue catalan=ca chinese=zh croatian=hr czech=cs danish=da
    dutch=nl english=en esperanto=eo estonian=et filipino=fil finnish=fi flemish=nl-BE french=fr galician=gl georgian=ka
    german=de greek=el gujarati=gu haitian=ht hausa=ha hebrew=he hindi=hi hungarian=hu icelandic=is indonesian=id
    irish=ga italian=it japanese=ja javanese=jv kannada=kn kazakh=kk khmer=km korean=ko kurdish=ku lao=lo latin=la
    latvian=lv lithuanian=lt luxembourgish=lb macedonian=mk malay=ms malayalam=ml maltese=mt mandarin=cmn maori=mi
    marathi=mr mongolian=mn montenegrin=cnr nepali=ne norwegian=no pashto=ps persian=fa farsi=fa polish=pl portuguese=pt
    punjabi=pa romanian=ro russian=ru sanskrit=sa serbian=sr sinhala=si sinhalese=si slovak=sk slovenian=sl slovene=sl
    somali=so spanish=es swahili=sw swedish=sv tagalog=tl tamil=ta telugu=te thai=th tibetan=bo turkish=tr ukrainian=uk
    urdu=ur uzbek=uz vietnamese=vi welsh=cy yiddish=yi zulu=zu
    bahasa=id bokmål=nb brazilian=pt-BR castellano=es-ES castilian=es-ES català=ca dansk=da deutsch=de eesti=et
    español=es euskara=eu français=fr galego=gl hrvatski=hr italiano=it latino=es-419 latviešu=lv lietuvių=lt magyar=hu
    nederlands=nl norsk=no nynorsk=nn polski=pl português=pt română=ro shqip=sq slovenčina=sk slovenščina=sl suomi=fi
    svenska=sv türkçe=tr íslenska=is čeština=cs ελληνικά=el български=bg русский=ru српски=sr українська=uk עברית=he
    العربية=ar فارسی=fa हिन्दी=hi ไทย=th 中文=zh 简体中文=zh-Hans 繁體中文=zh-Hant 日本語=ja 한국어=ko
"""

_BY_LONG = {
    long: short for short, _, longs in (entry.partition("=") for entry in _SHORT.split()) for long in longs.split("/")
}

_KNOWN = frozenset((*_BY_LONG.values(), *_LONG.split()))
_BY_HABIT = dict(pair.split("=") for pair in _HABITS.split())
_BY_NAME = dict(pair.split("=") for pair in unicodedata.normalize("NFC", _NAMES).split())

# Language, script, region as RFC 5646 writes them, and with the underscore of locales.
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?P<script>[-_][a-z]{4})?(?P<region>[-_](?:[a-z]{2}|\d{3}))?", re.IGNORECASE
)
_SCRIPTS = frozenset({"hans", "hant", "latn", "cyrl", "arab", "jpan", "kore", "deva"})

_NAMELESS = ("", "und", "mis")
"""No language, or one that has no code."""


def distinct_languages(named: Iterable[str]) -> list[str]:
    """Return each language once, in order, without those that name none. Commas part several of one track."""
    return list(_distinct(tuple(named)))


@lru_cache(maxsize=256)
def _distinct(named: Sequence[str]) -> Sequence[str]:
    """All episodes of a series name the same ones."""
    tags = (_tag(code) for names in named for code in names.split(","))
    return [tag for tag in dict.fromkeys(tags) if tag not in _NAMELESS]


def language_of(text: str) -> str | None:
    """Return the tag of a language that people name by a code (`ger`, `pt_BR`, `chs`) or by its name (`German`).

    None for other text, for what names no language, such as `und`, and for a code that they give a second meaning.
    """
    word = unicodedata.normalize("NFC", text).casefold()
    if word in _BY_NAME:
        return _BY_NAME[word]
    if word in _BY_HABIT:
        return _BY_HABIT[word]
    found = _TAG.fullmatch(word)
    if found is None or word in _UNCERTAIN or (found["script"] and found["script"][1:] not in _SCRIPTS):
        return None
    tag = _tag(word.replace("_", "-"))
    return tag if tag.partition("-")[0] in _KNOWN else None


def is_uncertain_language(text: str) -> bool:
    """Tell whether the text is the code of a language that people also write for the language of a country."""
    return text.lower() in _UNCERTAIN


def _tag(code: str) -> str:
    """Return the tag as BCP 47 writes it: `de` for `ger`, `zh-TW` for `zh-tw`, `zh-Hant`."""
    language, *rest = code.strip().split("-")
    is_private = False
    parts = [_BY_LONG.get(language.lower(), language.lower())]
    for part in rest:
        is_private = is_private or len(part) == 1
        if not is_private and part.isalpha():
            part = {2: part.upper(), 4: part.title()}.get(len(part), part.lower())  # noqa: PLW2901 - the same part
        parts.append(part)
    return "-".join(parts)
