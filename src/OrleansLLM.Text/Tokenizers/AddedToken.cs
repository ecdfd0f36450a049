namespace OrleansLLM.Text.Tokenizers;

/// <summary>A token beside the model: it is found in a text before the model sees it.</summary>
/// <param name="Content">The token's text.</param>
/// <param name="Flags">How it is found.</param>
internal sealed record AddedToken(string Content, AddedTokenFlags Flags)
{
    public bool Has(AddedTokenFlags flag) => (Flags & flag) != 0;

    public static AddedToken Read(TokenizerComponent component) => new(
        component.String("content"),
        Flag(component, "single_word", AddedTokenFlags.SingleWord) | Flag(component, "lstrip", AddedTokenFlags.StripLeft)
        | Flag(component, "rstrip", AddedTokenFlags.StripRight) | Flag(component, "special", AddedTokenFlags.Special)
        | Flag(component, "normalized", AddedTokenFlags.Normalized));

    private static AddedTokenFlags Flag(TokenizerComponent component, string name, AddedTokenFlags flag) =>
        component.OptionalBoolean(name) == true ? flag : AddedTokenFlags.None;
}

[Flags]
internal enum AddedTokenFlags
{
    None = 0,

    /// <summary>Skipped when decoding, and plain text where a text is literal.</summary>
    Special = 1,

    /// <summary>Found only where no word goes on at its ends.</summary>
    SingleWord = 2,

    /// <summary>Takes the white space before it in.</summary>
    StripLeft = 4,

    /// <summary>Takes the white space behind it in.</summary>
    StripRight = 8,

    /// <summary>Normalized as the text is, and found in the normalized text.</summary>
    Normalized = 16,
}
