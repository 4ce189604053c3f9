"""Lists the tags that containers store for a codec, by FFmpeg's name of the codec.

RIFF_* and MOV_* hold what libavformat of FFmpeg 9 returns from avformat_get_riff_video_tags() and its
three sisters. A tag of several codecs names the first one, as in FFmpeg, but v308,
v408 and v410 are not called raw video, as some versions do. The other tables are those of
libavformat's matroska.c, flvdec.c, rm.c, isom.c and riff.c.
"""

from collections.abc import Mapping


def _by_tag(tags: Mapping[str, str]) -> dict[str, str]:
    return {tag: codec for codec, text in tags.items() for tag in text.split()}


RIFF_VIDEO = _by_tag(
    {
        "012v": "012v a12v",
        "4xm": "4XMV",
        "aasc": "AAS4 AASC",
        "agm": "AGM0 AGM1 AGM2 AGM3 AGM4 AGM5 AGM6 AGM7",
        "amv": "AMVF",
        "arbc": "ARBC",
        "asv1": "ASV1",
        "asv2": "ASV2",
        "aura": "AURA",
        "aura2": "AUR2",
        "av1": "AV01",
        "avrn": "AVRn",
        "avs2": "AVS2",
        "cavs": "CAVS",
        "cfhd": "CFHD",
        "cinepak": "cvid",
        "clearvideo": "UCOD",
        "cljr": "CLJR",
        "cllc": "CLLC",
        "cscd": "CSCD",
        "cyuv": "CYUV",
        "dirac": "drac",
        "dpx": "dpx",
        "dvvideo": "dvsd dvhd dvh1 dvsl dv25 dv50 cdvc CDVH CDV5 dvc dvcs dvis pdvc SL25 SLDV AVd1",
        "dxtory": "xtor",
        "escape130": "E130",
        "evc": "evc1",
        "ffv1": "FFV1",
        "ffvhuff": "FFVH",
        "fic": "FICV",
        "flashsv": "FSV1",
        "flic": "AFLC",
        "flv1": "FLV1 S263",
        "fmvc": "FMVC",
        "fraps": "FPS1",
        "frwu": "FRWU",
        "g2m": "G2M2 G2M3 G2M4 G2M5",
        "h261": "H261",
        "h263": "H263 X263 T263 L263 VX1K ZyGo M263 lsvm U263 VSM4",
        "h263i": "I263",
        "h264": "H264 h264 X264 x264 avc1 DAVC SMV2 VSSH Q264 V264 GAVC UMSV tshd INMC",
        "hq_hqa": "CUVC",
        "hqx": "CHQX",
        "huffyuv": "HFYU",
        "hymt": "HYMT",
        "imm4": "IMM4",
        "imm5": "IMM5",
        "indeo2": "RT21",
        "indeo3": "IV31 IV32",
        "indeo4": "IV41",
        "indeo5": "IV50",
        "jpeg2000": "mjp2 MJ2C LJ2C LJ2K IPJ2 AVj2",
        "jpegls": "MJLS",
        "kgv1": "KGV1",
        "kmvc": "KMVC",
        "lagarith": "LAGS",
        "lead": "LEAD",
        "loco": "LOCO",
        "lscr": "LSCR",
        "m101": "M101 M102",
        "magicyuv": ("MAGY M8RG M8RA M8G0 M8Y0 M8Y2 M8Y4 M8YA M0RA M0RG M0G0 M0Y0 M0Y2 M0Y4 M2RA M2RG M4RA M4RG"),
        "mimic": "LM20",
        "mjpeg": (
            "MJPG MSC2 LJPG dmb1 mjpa JR24 JPGL jpeg IJPG ACDV QIVG SLMJ CJPG IJLV MVJP AVI1 AVI2 MTSJ ZJPG MMJP"
        ),
        "mpeg1video": "mpg1 PIM1 BW10 XMPG",
        "mpeg2video": "mpg2 MPEG PIM2 VCR2 DVR MMES LMP2 slif EM2V M701 M702 M703 M704 M705 mpgv",
        "mpeg4": (
            "FMP4 DIVX DX50 XVID MP4S M4S2 ZMP4 DIV1 BLZ0 mp4v UMP4 WV1F SEDG RMP4 3IV2 WAWV "
            "FFDS FVFW DCOD MVXM PM4V SMP4 DXGM VIDM M4T3 GEOX G264 HDX4 DM4V DMK2 DYM4 DIGI "
            "EPHV EM4A M4CC SN40 VSPX ULDX GEOV SIPP SM4V XVIX DreX QMP4 PLV1 GLV4 GMP4 MNM4 "
            "GTM4"
        ),
        "msa1": "MSA1",
        "mscc": "MSCC",
        "msmpeg4v1": "MPG4 MP41",
        "msmpeg4v2": "MP42 DIV2",
        "msmpeg4v3": "MP43 DIV3 MPG3 DIV5 DIV6 DIV4 DVX3 AP41 COL1 COL0",
        "msrle": "mrle",
        "mss1": "MSS1",
        "mss2": "MSS2",
        "msvideo1": "MSVC msvc CRAM cram WHAM wham",
        "mszh": "MSZH",
        "mts2": "MTS2",
        "mv30": "MV30",
        "mvdv": "MVDV",
        "mvha": "MVHA",
        "mwsc": "MWSC",
        "notchlc": "nlc1",
        "png": "MPNG PNG1 png",
        "prosumer": "BT20",
        "qpeg": "QPEG Q1.0 Q1.1",
        "r10k": "R10k",
        "r210": "r210",
        "rasc": "RASC",
        "rawvideo": (
            "I420 YUY2 Y210 Y216 Y416 Y422 V422 Y410 YUNV UYNV UYNY uyv1 2Vu1 2vuy yuvs yuv2 "
            "P422 YV12 YV16 YV24 UYVY VYUY IYUV AYUV Y800 Y8 HDYC YVU9 VDTZ Y411 NV12 NV21 "
            "Y41B Y42B YUV9 auv2 YVYU YUYV I410 I411 I422 I440 I444 J420 J422 J440 J444 YUVA "
            "I40A I42A RGB2 RV15 RV16 RV24 RV32 RGBA AV32 GREY I09L I09B I29L I29B I49L I49B "
            "I0AL I0AB I2AL I2AB I4AL I4AB I4FL I4FB I0CL I0CB I2CL I2CB I4CL I4CB I0FL I0FB "
            "y408"
        ),
        "rpza": "azpr RPZA rpza",
        "rscc": "RSCC ISCC",
        "rtv1": "RTV1",
        "rv40": "RV40",
        "rv60": "RV60",
        "scpr": "SCPR",
        "screenpresso": "SPV1",
        "snow": "SNOW",
        "sp5x": "SP54",
        "speedhq": "SHQ0 SHQ1 SHQ2 SHQ3 SHQ4 SHQ5 SHQ7 SHQ9",
        "srgc": "SRGC",
        "svq1": "svq1",
        "svq3": "SVQ3",
        "targa": "tga",
        "tdsc": "TDSC",
        "theora": "theo",
        "truemotion1": "DUCK PVEZ",
        "truemotion2": "TM20",
        "truemotion2rt": "TR20",
        "tscc": "tscc",
        "tscc2": "TSC2",
        "ulti": "ULTI",
        "utvideo": ("ULRA ULRG ULY0 ULY2 ULY4 ULH0 ULH2 ULH4 UQY0 UQY2 UQRA UQRG UMY2 UMH2 UMY4 UMH4 UMRA UMRG"),
        "v308": "v308",
        "v408": "v408",
        "v410": "v410",
        "v210": "v210 C210",
        "vble": "VBLE",
        "vc1": "WVC1 WMVA",
        "vc1image": "WVP2",
        "vcr1": "VCR1",
        "vixl": "VIXL",
        "vmix": "VMX1",
        "vmnc": "VMnc",
        "vp3": "VP31 VP30",
        "vp4": "VP40",
        "vp5": "VP50",
        "vp6": "VP60 VP61 VP62",
        "vp6a": "VP6A",
        "vp6f": "VP6F FLV4",
        "vp7": "VP70 VP71",
        "vp8": "VP80",
        "vp9": "VP90",
        "vqc": "VQC1 VQC2",
        "wcmv": "WCMV",
        "wmv1": "WMV1",
        "wmv2": "WMV2 GXVE",
        "wmv3": "WMV3",
        "wmv3image": "WMVP",
        "wnv1": "WNV1 YUV8",
        "xan_wc4": "Xxan",
        "y41p": "Y41P",
        "ylc": "YLC0",
        "yuv4": "yuv4",
        "zerocodec": "ZECO",
        "zlib": "ZLIB",
        "zmbv": "ZMBV",
    }
)
"""FourCCs of AVI, ASF and Matroska's V_MS/VFW/FOURCC."""

MOV_VIDEO = _by_tag(
    {
        "8bps": "8BPS",
        "aic": "icod",
        "apv": "apv1",
        "av1": "av01",
        "avrp": "AVrp SUDS",
        "avs3": "avs3",
        "avui": "AVUI",
        "cavs": "avs2",
        "cdtoons": "QkBk",
        "cfhd": "CFHD",
        "cinepak": "cvid",
        "dirac": "drac",
        "dnxhd": "AVdn AVdh",
        "dpx": "dpx",
        "dvvideo": ("dvcp dvc dvlp dvl dvpp dv5p dv5n AVdv AVd1 dvhq dvhp dvh1 dvh2 dvh4 dvh5 dvh6 dvh3"),
        "dxv": "DXD3 DXDI",
        "evc": "evc1",
        "exr": "exr",
        "flic": "flic",
        "gif": "gif",
        "h263": "h263 s263 H263",
        "h264": (
            "avc1 avc2 avc3 avc4 ai5p ai5q ai52 ai53 ai55 ai56 ai1p ai1q ai12 ai13 ai15 ai16 "
            "AVin aivx rv64 xalg avlg dva1 dvav"
        ),
        "hap": "Hap1 Hap5 HapY HapA HapM",
        "hevc": "hev1 hvc1 dvhe",
        "jpeg2000": "mjp2",
        "lcevc": "lvc1",
        "magicyuv": ("M0R0 M0RA M0RG M0Y0 M0Y2 M0Y4 M8RG M8RA M8G0 M8Y0 M8Y2 M8Y4 M8YA M2RA M2RG M4RA M4RG"),
        "media100": "601N 601P dtnt dtNT dtpa dtPA",
        "mjpeg": "jpeg mjpa AVDJ AVRn dmb1",
        "mjpegb": "mjpb",
        "mpeg1video": "m1v m1v1 mpeg mp1v",
        "mpeg2video": (
            "m2v1 hdv1 hdv2 hdv3 hdv4 hdv5 hdv6 hdv7 hdv8 hdv9 hdva mx5n mx5p mx4n mx4p mx3n "
            "mx3p xd51 xd54 xd55 xd59 xd5a xd5b xd5c xd5d xd5e xd5f xdv1 xdv2 xdv3 xdv4 xdv5 "
            "xdv6 xdv7 xdv8 xdv9 xdva xdvb xdvc xdvd xdve xdvf xdhd xdh2 AVmp mp2v"
        ),
        "mpeg4": "mp4v DIVX XVID 3IV2",
        "msmpeg4v3": "3IVD",
        "msrle": "WRLE",
        "notchlc": "nclc",
        "pixlet": "pxlt",
        "png": "png MNG",
        "prores": "apch apcn apcs apco ap4h ap4x",
        "prores_raw": "aprn aprh",
        "qdraw": "qdrw",
        "qtrle": "rle",
        "r10k": "R10k R10g",
        "r210": "r210",
        "rawvideo": (
            "raw yuv2 2vuy yuvs L555 L565 B565 24BG BGRA RGBA ABGR b16g b48r "
            "b64a bxbg bxrg bxyv NO16 DVOO R420 R411 WRAW AV1x AVup BGGR"
        ),
        "rpza": "rpza",
        "sgi": "sgi",
        "sgirle": "rle1",
        "sheervideo": "Shr0 Shr1 Shr2 Shr3 Shr4 Shr5 Shr6 Shr7",
        "smc": "smc",
        "svq1": "SVQ1 svq1 svqi",
        "svq3": "SVQ3",
        "targa": "tga",
        "targa_y216": "Y216",
        "tiff": "tiff",
        "v308": "v308",
        "v408": "v408",
        "v410": "v410",
        "v210": "v210 bxy2",
        "vc1": "vc-1",
        "vp3": "VP31",
        "vp8": "vp08",
        "vp9": "vp09",
        "vvc": "vvc1 vvi1",
        "y41p": "Y41P",
        "yuv4": "yuv4",
    }
)
"""Sample entries of QuickTime, MP4 and Matroska's V_QUICKTIME."""

RIFF_AUDIO = _by_tag(
    {
        "aac": "FF 1600 1610 706D 4143 A106",
        "aac_latm": "1602",
        "ac3": "2000",
        "acelp.kelvin": "135",
        "adpcm_ct": "200",
        "adpcm_g722": "28F",
        "adpcm_g726": "45 14 40 64",
        "adpcm_ima_dk3": "62",
        "adpcm_ima_dk4": "61",
        "adpcm_ima_oki": "10 17",
        "adpcm_ima_wav": "11",
        "adpcm_ima_xbox": "69",
        "adpcm_ms": "2",
        "adpcm_sanyo": "125",
        "adpcm_swf": "5346",
        "adpcm_yamaha": "20",
        "amr_nb": "38 57",
        "amr_wb": "58",
        "atrac3": "270",
        "avc": "500 501",
        "dts": "2001",
        "dvaudio": "215 216",
        "flac": "F1AC",
        "ftr": "180 4180 8180",
        "g723_1": "42 111 A100",
        "g728": "41 CD02",
        "g729": "83 2222 729A",
        "gsm_ms": "31 32 1500",
        "iac": "402",
        "imc": "401",
        "metasound": "75",
        "misc4": "350",
        "mp2": "50",
        "mp3": "55",
        "msnsiren": "28E",
        "pcm_alaw": "6",
        "pcm_f32le": "3",
        "pcm_mulaw": "7 6C75",
        "pcm_s16le": "1",
        "sipr": "130",
        "sonic": "2048",
        "speex": "A109",
        "truespeech": "22 1501",
        "vorbis": "566F",
        "wmalossless": "163",
        "wmapro": "162",
        "wmav1": "160",
        "wmav2": "161",
        "wmavoice": "A",
        "xan_dpcm": "594A",
        "xma1": "165",
        "xma2": "166",
    }
)
"""Format tags of AVI, ASF and Matroska's A_MS/ACM, in hexadecimal without leading zeros."""

MOV_AUDIO = _by_tag(
    {
        "aac": "mp4a",
        "ac3": "ac-3 sac3",
        "ac4": "ac-4",
        "adpcm_ima_qt": "ima4",
        "alac": "alac",
        "amr_nb": "samr",
        "amr_wb": "sawb",
        "dts": "dtsc dtsh dtsl dtse DTS",
        "dvaudio": "vdva dvca",
        "eac3": "ec-3",
        "evrc": "sevc",
        "flac": "fLaC",
        "gsm": "agsm",
        "ilbc": "ilbc",
        "mace3": "MAC3",
        "mace6": "MAC6",
        "mp1": ".mp1",
        "mp2": ".mp2",
        "mp3": ".mp3 mp3",
        "mpegh_3d_audio": "mhm1",
        "nellymoser": "nmos NELL",
        "opus": "Opus",
        "pcm_alaw": "alaw",
        "pcm_f32be": "fl32",
        "pcm_f64be": "fl64",
        "pcm_mulaw": "ulaw",
        "pcm_s16be": "twos lpcm",
        "pcm_s16le": "sowt",
        "pcm_s24be": "in24",
        "pcm_s24le": "42ni",
        "pcm_s32be": "in32",
        "pcm_s32le": "23ni",
        "pcm_u8": "raw NONE",
        "qcelp": "Qclp Qclq sqcp",
        "qdm2": "QDM2",
        "qdmc": "QDMC",
        "smv": "ssmv",
        "speex": "spex SPXN",
        "truehd": "mlpa",
    }
)
"""Sample entries of QuickTime, MP4 and Matroska's A_QUICKTIME."""

MATROSKA_VIDEO = _by_tag(
    {
        "av1": "V_AV1",
        "avs2": "V_AVS2",
        "avs3": "V_AVS3",
        "dirac": "V_DIRAC",
        "ffv1": "V_FFV1",
        "h264": "V_MPEG4/ISO/AVC",
        "hevc": "V_MPEGH/ISO/HEVC",
        "mjpeg": "V_MJPEG",
        "mpeg1video": "V_MPEG1",
        "mpeg2video": "V_MPEG2",
        "mpeg4": "V_MPEG4/ISO/ASP V_MPEG4/ISO/AP V_MPEG4/ISO/SP",
        "msmpeg4v3": "V_MPEG4/MS/V3",
        "prores": "V_PRORES",
        "rawvideo": "V_UNCOMPRESSED",
        "rv10": "V_REAL/RV10",
        "rv20": "V_REAL/RV20",
        "rv30": "V_REAL/RV30",
        "rv40": "V_REAL/RV40",
        "snow": "V_SNOW",
        "theora": "V_THEORA",
        "vp8": "V_VP8",
        "vp9": "V_VP9",
        "vvc": "V_MPEGI/ISO/VVC",
    }
)

MATROSKA_AUDIO = _by_tag(
    {
        "aac": "A_AAC",
        "ac3": "A_AC3",
        "alac": "A_ALAC",
        "atrac1": "A_ATRAC/AT1",
        "atrac3": "A_REAL/ATRC",
        "cook": "A_REAL/COOK",
        "dts": "A_DTS",
        "eac3": "A_EAC3",
        "flac": "A_FLAC",
        "mlp": "A_MLP",
        "mp1": "A_MPEG/L1",
        "mp2": "A_MPEG/L2",
        "mp3": "A_MPEG/L3",
        "opus": "A_OPUS",
        "pcm_f32le": "A_PCM/FLOAT/IEEE",
        "pcm_s16be": "A_PCM/INT/BIG",
        "pcm_s16le": "A_PCM/INT/LIT",
        "qdm2": "A_QUICKTIME/QDM2",
        "qdmc": "A_QUICKTIME/QDMC",
        "ra_144": "A_REAL/14_4",
        "ra_288": "A_REAL/28_8",
        "ralf": "A_REAL/RALF",
        "sipr": "A_REAL/SIPR",
        "truehd": "A_TRUEHD",
        "tta": "A_TTA1",
        "vorbis": "A_VORBIS",
        "wavpack": "A_WAVPACK4",
    }
)

FLV_VIDEO = _by_tag(
    {
        "flashsv": "3",
        "flashsv2": "6",
        "flv1": "2",
        "h263": "8",
        "h264": "7",
        "hevc": "12",
        "mpeg4": "9",
        "vp6a": "5",
        "vp6f": "4",
    }
)
"""The numbers of FLV's VIDEODATA, without those of enhanced RTMP, which are FourCCs of MP4."""

FLV_AUDIO = _by_tag(
    {
        "aac": "10",
        "adpcm_swf": "1",
        "mp3": "2 14",
        "nellymoser": "4 5 6",
        "pcm_alaw": "7",
        "pcm_mulaw": "8",
        "pcm_s16le": "0 3",
        "speex": "11",
    }
)
"""The numbers of FLV's AUDIODATA."""

REAL_VIDEO = _by_tag(
    {"rv10": "RV10 RV13", "rv20": "RV20 RVTR", "rv30": "RV30", "rv40": "RV40", "rv60": "RV60", "clearvideo": "CLV1"}
)

REAL_AUDIO = _by_tag(
    {
        "aac": "raac racp",
        "ac3": "dnet",
        "atrac3": "atrc",
        "cook": "cook",
        "ra_144": "lpcJ 14_4",
        "ra_288": "28_8",
        "ralf": "ralf",
        "sipr": "sipr",
    }
)

MP4_VIDEO_OBJECTS = _by_tag(
    {
        "h264": "mp4v-21",
        "hevc": "mp4v-23",
        "jpeg2000": "mp4v-6E",
        "mjpeg": "mp4v-6C",
        "mpeg1video": "mp4v-6A",
        "mpeg2video": "mp4v-60 mp4v-61 mp4v-62 mp4v-63 mp4v-64 mp4v-65",
        "mpeg4": "mp4v-20",
        "png": "mp4v-6D",
        "vc1": "mp4v-A3",
        "dirac": "mp4v-A4",
    }
)
"""Sample entry and object type (ISO/IEC 14496-1), as libmediainfo joins them."""

MP4_AUDIO_OBJECTS = _by_tag(
    {
        "aac": "mp4a-66 mp4a-67 mp4a-68",
        "ac3": "mp4a-A5",
        "dts": "mp4a-A9 mp4a-AA mp4a-AB mp4a-AC",
        "eac3": "mp4a-A6",
        "evrc": "mp4a-D1",
        "mp3": "mp4a-69 mp4a-6B",
        "opus": "mp4a-AD",
        "qcelp": "mp4a-E1",
        "vorbis": "mp4a-DD",
    }
)

RIFF_SUBFORMATS = _by_tag(
    {
        "ac3": "E06D802C-DB46-11CF-B4D1-00805F6CBBEA",
        "atrac3p": "E923AABF-CB58-4471-A119-FFFA01E4CE62",
        "dfpwm": "38FAC13A-1D81-6143-A40D-CE53CA607CD1",
        "eac3": "A7FB87AF-2D02-42FB-A4D4-05CD93843BDD",
        "mp2": "E06D802B-DB46-11CF-B4D1-00805F6CBBEA",
    }
)
"""What follows the format tag FFFE of WAVEFORMATEXTENSIBLE, if it is no format tag itself."""
