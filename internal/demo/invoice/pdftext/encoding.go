package pdftext

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

type byteEncoding [256]rune

// The three base encodings of simple fonts. 0 means that a code is unused.
var (
	winAnsiEncoding  = latin("€\x00‚ƒ„…†‡ˆ‰Š‹Œ\x00Ž\x00\x00‘’“”•–—˜™š›œ\x00žŸ", 0x80, true)
	macRomanEncoding = latin("ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø"+
		"¿¡¬√ƒ≈∆«»…\u00a0ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\x00ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ", 0x80, false)
	standardEncoding = standard()
)

// latin returns ASCII with upper in its place from the code at, and Latin-1
// where nothing else is set if fill says so.
func latin(upper string, at int, fill bool) byteEncoding {
	var e byteEncoding
	for c := 0x20; c < 0x7f; c++ {
		e[c] = rune(c)
	}
	if fill {
		for c := 0xa0; c < 0x100; c++ {
			e[c] = rune(c)
		}
	}
	for _, r := range upper {
		e[at] = r
		at++
	}
	return e
}

func standard() byteEncoding {
	e := latin("¡¢£⁄¥ƒ§¤'“«‹›ﬁﬂ\x00–†‡·\x00¶•‚„”»…‰\x00¿\x00`´ˆ˜¯˘˙¨\x00˚¸\x00˝˛ˇ—", 0xa1, false)
	e['\''], e['`'] = '’', '‘'
	for c, r := range map[int]rune{
		0xe1: 'Æ', 0xe3: 'ª', 0xe8: 'Ł', 0xe9: 'Ø', 0xea: 'Œ', 0xeb: 'º',
		0xf1: 'æ', 0xf5: 'ı', 0xf8: 'ł', 0xf9: 'ø', 0xfa: 'œ', 0xfb: 'ß',
	} {
		e[c] = r
	}
	return e
}

// accents are the endings of accented letters' glyph names.
var accents = map[string]string{
	"grave": "\u0300", "acute": "\u0301", "circumflex": "\u0302", "tilde": "\u0303",
	"macron": "\u0304", "breve": "\u0306", "dotaccent": "\u0307", "dieresis": "\u0308",
	"ring": "\u030a", "hungarumlaut": "\u030b", "caron": "\u030c", "cedilla": "\u0327",
	"ogonek": "\u0328", "commaaccent": "\u0326",
}

// glyphNames are the glyph names that text fonts use besides single letters and
// accented ones.
var glyphNames = parseNames(`space:  exclam:! quotedbl:" numbersign:# dollar:$ percent:% ampersand:&
quotesingle:' quoteright:’ quoteleft:‘ parenleft:( parenright:) asterisk:* plus:+ comma:, hyphen:-
minus:− period:. slash:/ zero:0 one:1 two:2 three:3 four:4 five:5 six:6 seven:7 eight:8 nine:9
colon:: semicolon:; less:< equal:= greater:> question:? at:@ bracketleft:[ backslash:\ bracketright:]
asciicircum:^ underscore:_ grave:` + "`" + ` braceleft:{ bar:| braceright:} asciitilde:~ exclamdown:¡ cent:¢
sterling:£ currency:¤ yen:¥ brokenbar:¦ section:§ dieresis:¨ copyright:© ordfeminine:ª guillemotleft:«
guillemotright:» guilsinglleft:‹ guilsinglright:› logicalnot:¬ registered:® macron:¯ degree:° plusminus:±
twosuperior:² threesuperior:³ onesuperior:¹ acute:´ mu:µ paragraph:¶ periodcentered:· middot:· cedilla:¸
ordmasculine:º onequarter:¼ onehalf:½ threequarters:¾ questiondown:¿ multiply:× divide:÷ germandbls:ß
AE:Æ ae:æ OE:Œ oe:œ Oslash:Ø oslash:ø Eth:Ð eth:ð Thorn:Þ thorn:þ Lslash:Ł lslash:ł Dcroat:Đ dcroat:đ
Hbar:Ħ hbar:ħ dotlessi:ı dotlessj:ȷ florin:ƒ circumflex:ˆ tilde:˜ caron:ˇ breve:˘ dotaccent:˙ ring:˚
ogonek:˛ hungarumlaut:˝ endash:– emdash:— quotesinglbase:‚ quotedblbase:„ quotedblleft:“ quotedblright:”
dagger:† daggerdbl:‡ bullet:• ellipsis:… perthousand:‰ fraction:⁄ Euro:€ euro:€ trademark:™ nbspace:` + "\u00a0" + `
ff:ff fi:fi fl:fl ffi:ffi ffl:ffl f_f:ff f_i:fi f_l:fl f_f_i:ffi f_f_l:ffl numero:№ figuredash:‒
checkmark:✓ visiblespace:␣ sfthyphen:` + "\u00ad" + ` tcommaaccent:ț Tcommaaccent:Ț scommaaccent:ș Scommaaccent:Ș`)

func parseNames(list string) map[string]string {
	names := map[string]string{"space": " "}
	for pair := range strings.FieldsSeq(list) {
		if glyph, text, ok := strings.Cut(pair, ":"); ok && text != "" {
			names[glyph] = text
		}
	}
	return names
}

// glyphText returns the text that a glyph name stands for, or "".
func glyphText(glyph string) string {
	if text, ok := glyphNames[glyph]; ok {
		return text
	}
	glyph, _, _ = strings.Cut(glyph, ".")
	if text, ok := glyphNames[glyph]; ok {
		return text
	}
	if len(glyph) == 1 {
		return glyph
	}
	if hex, ok := strings.CutPrefix(glyph, "uni"); ok && len(hex) >= 4 {
		return hexRune(hex[:4])
	}
	if hex, ok := strings.CutPrefix(glyph, "u"); ok && len(hex) >= 4 && len(hex) <= 6 {
		if text := hexRune(hex); text != "" {
			return text
		}
	}
	if len(glyph) > 1 {
		if mark, ok := accents[glyph[1:]]; ok {
			return glyph[:1] + mark
		}
	}
	return ""
}

func hexRune(hex string) string {
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil || n == 0 || !utf8.ValidRune(rune(n)) {
		return ""
	}
	return string(rune(n))
}
