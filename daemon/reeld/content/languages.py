"""Names languages by the shortest tag of BCP 47."""

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

_BY_LONG = {
    long: short for short, _, longs in (entry.partition("=") for entry in _SHORT.split()) for long in longs.split("/")
}

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
