"""Lists words that are not part of a title: quality, languages, editions, season words, generic
folders.

The sets hold casefolded words. A word that titles also use ("web", "cam", "max") is not in the
strong set. It counts only after a year, a marker or another quality word.
"""

import re


def words(text: str) -> frozenset[str]:
    """Split `text` into its words."""
    return frozenset(text.split())


def _any(text: str) -> str:
    """Build a pattern for any of the words, the longest first."""
    return "|".join(sorted(text.split(), key=lambda word: (-len(word), word)))


FIRST_YEAR = 1888
"""The oldest film that survives."""
LAST_YEAR = 2031
"""Later numbers ("Blade Runner 2049") are titles. There is no clock here, so this line must move one
day.
"""

TITLES_WITH_A_YEAR = words(
    """airport1975 argentina1985 cherry2000 classof1984 classof1999 deathrace2000 dracula2000 escape2000
    fantasia2000 fetih1453 frankenstein1970 galactica1980 godzilla2000 heavymetal2000 redriding1974
    redriding1980 redriding1983 seaquest2032 sealab2020 sealab2021 space1999 summervacation1999 wonderwoman1984"""
)
"""Keys of films and series whose title ends in a year. No rule can know that the number is not their
own year. This is knowledge, to be extended with each new title.
"""

TITLES_WITH_A_NUMBER = words("""agent007 cyborg009""")
"""Keys of titles that end in a number which looks like an episode's, because of its leading zero."""

BROADCASTERS = words("""bbc itv pbs nhk arte zdf ard cbc natgeo ngc discovery nat""")
"""Words that releases put before a programme's title, although they are no part of it."""

# Words that no title contains: the first one ends title, year and episode title.
STRONG_QUALITY = re.compile(
    r"""(?<![^\W_])(?:
        \d{3,4}[pi](?:\d{2,3}(?:fps)?)?        # 1080p, 576i, 2160p60
      | \d{3,4}x\d{3,4}                      # 1920x1080, 1918x798
      | [hx][._ ]?26[456] | hevc | avc | xvid | divx | av1 | vp9 | mpeg-?[24]
      | (?:8|10|12)[._ -]?bits? | hi10p? | hdr10(?:plus|p|\+)? | dovi
      | blu-?ray | (?:uhd|4k|3d)?[._-]?b[dr]rip | bd(?:remux|mux|25|50) | remux | dvd-?rip | dvd-?scr | dvd-?[r59]
      | hd-?dvd | (?:hd|pd|sd|ds|sat|dvb|tv|cable|vhs|vod|hdtv|web|webdl|uhd|micro|hc)-?rip | hdtv | pdtv | dsr | dvb
      | web-?dl | web-?hd | webmux | web-?cap | hd-?(?:cam|ts|tc) | telesync | telecine | workprint
      | dd[p+]?[257][._ ]?[01] | ddpa?\d? | dts(?:-?(?:hd|x|es|ma))? | true-?hd | e?-?ac-?3 | aac(?:[257][._ ]?[01])?
      | flac(?:[257][._ ]?[01])? | 1080 | 2160 | brrip
      | (?:blu-?ray|b[dr]rip|bd|dvd-?rip|web-?dl|web-?rip|hdtv)\d{3,4}p
    )(?![^\W_])""",
    re.IGNORECASE | re.VERBOSE,
)

# Words that mean quality only after a year or a marker.
WEAK_QUALITY = words(
    """web cam ts tc r5 dvd bd uhd hd sd fhd qhd 4k 8k 3d sbs hsbs hou h half ou hdr sdr dv atmos mp3 opus ogg
    nf amzn dsnp atvp hmax max hulu itunes it ip iplayer pcok pmtp stan sho hbo cr funi vudu red syfy amc cbs
    nbc abc fox proper repack rerip real internal limited festival read nfo readnfo dubbed dub subbed sub subs
    hardsub hc multi multisub multisubs msubs esub esubs dual dual-audio audio dl md ld line mic ws fs ntsc pal
    stv docu retail screener scr complete custom hybrid nordic subpack open matte fullhd hq lq mkv mp4 avi m4v
    untouched hdlight mhd full hiq vostfr vost vff vfq vfi vf vo vof truefrench subfrench subfr fastsub stfr
    swesub norsub dksub finsub nlsubs plsub subita sub-ita vosi bdremux ddp dd ma ac3 dts aac x264 x265 2ch 6ch
    subforced fansub predvd uhdremux bdrip hdtvrip webmux vhsrip
    upscaled upscale ai regraded proof nogrp nogroup dxva 2in1 conv convert dirfix nfofix obfuscated xpost
    postbot fixed fix v2 v3 v4 5 51 71 20 5-1 7-1 1 0 2 7 disc cd1 cd2 lpcm pcm mono stereo uncensored bit 25fps
    24fps 50fps 60fps fps hfr dublado legendado chs cht"""
)

LANGUAGES = words(
    """english french german spanish italian italiano japanese chinese korean russian polish dutch swedish danish
    norwegian finnish portuguese hindi tamil telugu malayalam kannada bengali punjabi marathi turkish greek
    czech hungarian romanian thai arabic hebrew ukrainian vietnamese indonesian cantonese mandarin flemish
    icelandic catalan castellano espanol español deutsch francais français latino lektor pldub eng fre fra ger
    deu spa esp ita jpn jap chi zho kor rus pol nld dut swe dan nor fin por hin tam tel tur gre cze hun rum ukr
    en fr de es it ja ru pl pt-br ptbr nordic vostfr vff vfq vf truefrench multi dubbed subbed dual ger-sub"""
)

RARER_LANGUAGES = words(
    """abkhazian afar afrikaans akan albanian amharic aragonese armenian assamese avaric avestan aymara
    azerbaijani bambara bashkir basque belarusian bislama bosnian breton bulgarian burmese chamorro chechen
    chuvash cornish corsican cree croatian dhivehi dzongkha esperanto estonian ewe faroese fijian fulah
    galician ganda georgian guarani gujarati haitian hausa herero ido igbo interlingue inuktitut inupiaq irish
    javanese kalaallisut kanuri kashmiri kazakh kikuyu kinyarwanda kirghiz komi kongo kuanyama kurdish lao
    latin latvian limburgan lingala lithuanian luxembourgish macedonian malagasy maltese manx maori
    marshallese mongolian nauru navajo ndonga nyanja ojibwa oromo ossetian pali panjabi persian pushto quechua
    romansh rundi samoan sango sanskrit sardinian serbian shona sindhi sinhala slovak slovenian somali
    sundanese swati tagalog tahitian tajik tatar tibetan tigrinya tsonga tswana turkmen twi uighur urdu uzbek
    venda walloon welsh wolof xhosa yiddish yoruba zhuang zulu"""
)
"""The other languages with a code of two letters in ISO 639. Some are words of titles, too, so only a place that is a
tag's makes them one."""

# Words at a title's end that often belong to the release: such a title is not certain.
AMBIGUOUS_ENDS = words(
    """proper repack rerip internal limited complete completa integrale uncut unrated extended remastered
    theatrical edition cut version special redux restored criterion imax 3d dc recut remaster directors final
    ova oad ona oav season seasons saison staffel episode episodes ep part pt vol volume chapter s
    e 4k uncensored bonus pack batch disc disk cd dubbed subbed subs sub dual multi docu screener collection
    trilogy anthology feat unknown untitled season1 festival retail real colorized hybrid rip ws doku animation
    unedited"""
)

# Editions: their patterns after the year, and their usual names.
_EDITIONS = (
    (r"director'?s?[ ._-]?cut|dc", "Director's Cut"),
    (r"(?:the[ ._-])?final[ ._-]cut", "Final Cut"),
    (r"(?:zack[ ._-])?sny?der'?s?[ ._-]cut", "Snyder Cut"),
    (r"super[ ._-]duper[ ._-]cut", "Super Duper Cut"),
    (r"ultimate[ ._-](?:cut|edition)", "Ultimate Edition"),
    (r"extended(?:[ ._-](?:director'?s[ ._-])?(?:cut|edition|version))?", "Extended"),
    (r"theatrical(?:[ ._-](?:cut|edition|version|release))?", "Theatrical"),
    (r"unrated(?:[ ._-](?:cut|edition|version|director'?s[ ._-]cut))?", "Unrated"),
    (r"uncut(?:[ ._-](?:edition|version))?", "Uncut"),
    (r"uncensored(?:[ ._-](?:cut|edition|version))?", "Uncensored"),
    (r"imax(?:[ ._-]edition)?", "IMAX"),
    (r"special[ ._-]edition", "Special Edition"),
    (r"collector'?s?[ ._-]edition", "Collector's Edition"),
    (r"criterion(?:[ ._-](?:collection|edition))?", "Criterion"),
    (r"\d{1,2}(?:th|st|nd|rd)[ ._-]anniversary(?:[ ._-]edition)?|anniversary[ ._-]edition", "Anniversary Edition"),
    (r"despeciali[sz]ed(?:[ ._-]edition)?", "Despecialized"),
    (r"(?:4k[ ._-])?remaster(?:ed)?", "Remastered"),
    (r"(?:4k[ ._-])?restored|restoration", "Restored"),
    (r"redux", "Redux"),
    (r"black[ ._-](?:and|&)[ ._-]chrome(?:[ ._-]edition)?", "Black and Chrome"),
    (r"rogue[ ._-]cut", "Rogue Cut"),
    (r"workprint", "Workprint"),
    (r"fan[ ._-]?edit", "Fan Edit"),
    (r"recut", "Recut"),
)
EDITIONS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"(?<![^\W_])(?:{pattern})(?![^\W_])", re.IGNORECASE), label) for pattern, label in _EDITIONS
)
ANY_EDITION = re.compile(rf"(?<![^\W_])(?:{'|'.join(pattern for pattern, _ in _EDITIONS)})(?![^\W_])", re.IGNORECASE)
"""Finds whether a text names an edition, in a sixth of the time that the patterns of EDITIONS take."""

COUNTRIES = {
    "us": "US", "usa": "US", "uk": "GB", "gb": "GB", "au": "AU", "nz": "NZ", "ca": "CA", "ie": "IE", "jp": "JP",
    "kr": "KR", "de": "DE", "fr": "FR", "in": "IN", "se": "SE", "dk": "DK", "no": "NO", "es": "ES", "it": "IT",
    "nl": "NL", "br": "BR", "mx": "MX", "za": "ZA", "be": "BE", "pl": "PL", "fi": "FI",
}  # fmt: skip
"""Countries in brackets."""
BARE_COUNTRIES = {"US": "US", "UK": "GB", "AU": "AU", "NZ": "NZ", "GB": "GB"}
"""Countries that may follow a title without brackets, in capitals: `The.Office.US`, but
`This.Is.Us`.
"""

SEASON_WORDS = _any(
    """season seasons series saison saisons staffel temporada temporadas stagione seizoen sezon sezona sezonul
    säsong sæson sesong kausi évad evad сезон сезона temp série época sarja ročník řada sezóna"""
)
EPISODE_WORDS = _any(
    """episode ep épisode episodio capitulo capítulo cap folge aflevering afl avsnitt afsnit jakso odcinek odc
    серия серія выпуск епізод эпизод bölüm díl dil epizoda rész puntata episódio"""
)
SPECIALS_FOLDER = re.compile(
    r"(?:the )?specials?|season 0+|s0+|spéciaux|hors[ -]?s[ée]ries?|especiales|speciali|спешлы|особое|sp|ovas?|oads?",
    re.IGNORECASE,
)

GENERIC_FOLDERS = words(
    """download downloads downloaded complete completed incomplete incoming finished done torrent torrents usenet
    nzb nzbs film films movie movies cinema kino filme película películas peliculas cine filmes фильмы кино
    фильм 电影 映画 tv tvshow tvshows tv-shows shows show series serie serien séries seriál serials сериалы сериал
    电视剧 diziler dizi seriale sorozatok σειρέσ مسلسلات 剧集 劇集 드라마 ドラマ アニメ 动画 動畫 애니
    television telly anime animes animation anime-series animemovies cartoons cartoon kids children family
    documentaries documentary docs docu dokus video videos vids media multimedia library libraries share shares
    public data storage disk disk1 disk2 drive hdd nas plex jellyfin emby kodi xbmc sorted unsorted new recent
    misc miscellaneous other others temp tmp stuff files mnt home srv volume1 volume2 archive archives backup 4k
    uhd hd sd 1080p 720p 2160p 3d dvd dvds bluray blurays remux remuxes watch watched unwatched towatch queue
    foreign classics classic action comedy drama horror thriller scifi sci-fi fantasy romance western war crime
    mystery adventure collection collections boxsets anthologies english german french spanish italian deutsch
    français nl en de fr es it ru jp a b c d e f g h i j k l m n o p q r s t u v w x y z 0-9 # seeding seeds p2p
    scene rips ripped encodes encoded converted transcoded done_ sonarr radarr my desktop documents user users
    dvr recordings recorded aufnahmen concerts music sports sport standup stand-up blu-ray 1 2 3 4 5 6 7 8 9"""
)
"""Folders that name a place or a sort of thing, not a work; compared casefolded, without spaces."""

GENERIC_STEMS = words(
    """movie film video feature main mainfeature title title0 title00 title01 title_t00 title_t01 track1 untitled
    file 1080p 720p 2160p the movie vts index disc output out encoded final remux bdmv full"""
)
"""File names that say nothing about their work."""
